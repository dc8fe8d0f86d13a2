//! The other side of the control socket: what `status`, `pause`, `failures` and their like talk through.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use clap::ValueEnum;
use futures::{Stream, TryStreamExt};
use reqwest::{RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::engine::cutover::recovery::RecoveryPlan;
use crate::engine::cutover::report::FinalReport;
use crate::engine::cutover::{CutoverOptions, DryRun};
use crate::engine::verification::{VerifyOptions, VerifyReport};
use crate::engine::{RetryProgress, RetryReport};
use crate::error::{Error, Result};
use crate::plan::slice::SliceId;
use crate::store::comparison::ComparisonRecord;
use crate::store::cutover::CutoverRecord;
use crate::store::records::{Failure, FailureGroup, SliceRecord, SliceState, Tuned};
use crate::store::socket_path;

use super::fault::Fault;
use super::lines::{Whole, WorkLine};
use super::server::AcceptRequest;
use super::socket;
use super::status::{MigrationStatus, StatusDocument};
use super::switching::{CompleteRequest, RollbackRequest};
use super::verification::VerificationStatus;

/// A daemon that does not answer a question of status for so long hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The host in the address; nobody looks at it.
const BASE: &str = "http://esferry/v1";

/// A running daemon.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
}

/// Which failure records are wanted.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Wanted {
    /// Of this error type only.
    #[serde(rename = "type")]
    pub error_type: Option<String>,
    /// Of this document id only.
    pub id: Option<String>,
}

/// Which slices are wanted.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct WantedSlices {
    /// In this state only.
    pub state: Option<StateName>,
}

/// The states of slices, as they are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// Not begun, or open without a position.
    Waiting,
    /// Open, with a position.
    Open,
    /// Settled.
    Done,
    /// Given up for now.
    #[value(alias = "set_aside")]
    SetAside,
}

impl StateName {
    fn word(self) -> &'static str {
        match self {
            StateName::Waiting => "waiting",
            StateName::Open => "open",
            StateName::Done => "done",
            StateName::SetAside => "set_aside",
        }
    }
}

impl WantedSlices {
    /// Whether this slice is one of them.
    #[must_use]
    pub fn takes(&self, record: &SliceRecord) -> bool {
        self.state.is_none_or(|wanted| {
            wanted
                == match record.state {
                    SliceState::Waiting => StateName::Waiting,
                    SliceState::Open { .. } => StateName::Open,
                    SliceState::Done => StateName::Done,
                    SliceState::SetAside { .. } => StateName::SetAside,
                }
        })
    }
}

impl Wanted {
    /// Whether this record is one of them.
    #[must_use]
    pub fn takes(&self, failure: &Failure) -> bool {
        self.error_type.as_ref().is_none_or(|wanted| *wanted == failure.error_type)
            && self.id.as_ref().is_none_or(|wanted| *wanted == failure.id)
    }
}

impl Client {
    /// The daemon of `state_dir`; `None` when none is listening.
    pub fn connect(state_dir: &Path) -> Result<Option<Client>> {
        if !socket::answers(state_dir)? {
            return Ok(None);
        }
        let http = reqwest::Client::builder()
            .unix_socket(socket_path(state_dir))
            .no_proxy()
            .tls_certs_only([])
            .build()
            .map_err(|error| {
                Error::unexpected("control_client", "no client for the control socket").because(error)
            })?;
        Ok(Some(Client { http }))
    }

    /// `GET /v1/status`
    pub async fn status(&self) -> Result<StatusDocument> {
        json(self.http.get(format!("{BASE}/status")).timeout(ANSWER_WITHIN)).await
    }

    /// `GET /v1/migrations/{name}`
    pub async fn migration(&self, name: &str) -> Result<MigrationStatus> {
        json(self.http.get(address(name, "")?).timeout(ANSWER_WITHIN)).await
    }

    /// `GET /v1/migrations/{name}/slices`: lines of JSON, in pieces.
    pub async fn slices(
        &self,
        name: &str,
        wanted: &WantedSlices,
    ) -> Result<impl Stream<Item = Result<Bytes>> + use<>> {
        let mut url = address(name, "/slices")?;
        if let Some(state) = wanted.state {
            url.query_pairs_mut().append_pair("state", state.word());
        }
        Ok(send(self.http.get(url)).await?.bytes_stream().map_err(|error| lost(&error)))
    }

    /// `GET /v1/migrations/{name}/failures`
    pub async fn failure_groups(&self, name: &str) -> Result<Vec<FailureGroup>> {
        json(self.http.get(address(name, "/failures")?).timeout(ANSWER_WITHIN)).await
    }

    /// `GET /v1/migrations/{name}/failures/records`: lines of JSON, in pieces.
    pub async fn failure_records(
        &self,
        name: &str,
        wanted: &Wanted,
    ) -> Result<impl Stream<Item = Result<Bytes>> + use<>> {
        let mut url = address(name, "/failures/records")?;
        for (key, value) in [("type", &wanted.error_type), ("id", &wanted.id)] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(key, value);
            }
        }
        Ok(send(self.http.get(url)).await?.bytes_stream().map_err(|error| lost(&error)))
    }

    /// `POST /v1/migrations/{name}/failures/accept`
    pub async fn accept_failures(&self, name: &str, request: &AcceptRequest) -> Result<FailureGroup> {
        let body = serde_json::json!(request).to_string();
        let request =
            self.http.post(address(name, "/failures/accept")?).header("content-type", JSON).body(body);
        json(request.timeout(ANSWER_WITHIN)).await
    }

    /// `POST /v1/migrations/{name}/failures/retry`; takes as long as the clusters take, and says how far it is.
    pub async fn retry_failures(
        &self,
        name: &str,
        error_type: Option<&str>,
        told: impl FnMut(RetryProgress),
    ) -> Result<RetryReport> {
        let body = serde_json::json!({ "type": error_type }).to_string();
        let request =
            self.http.post(address(name, "/failures/retry")?).header("content-type", JSON).body(body);
        work(request, told, "what was settled until then is off the list: try again").await
    }

    /// `POST /v1/migrations/{name}/verify`; takes as long as both sides take to be read, and says how far it is.
    pub async fn verify(
        &self,
        name: &str,
        options: &VerifyOptions,
        told: impl FnMut(VerificationStatus),
    ) -> Result<Option<VerifyReport>> {
        let body = serde_json::json!(options).to_string();
        let request = self.http.post(address(name, "/verify")?).header("content-type", JSON).body(body);
        work(request, told, "what was read until then is stored: the same command goes on there").await
    }

    /// `GET /v1/migrations/{name}/verification/differences`: lines of JSON, in pieces.
    pub async fn differences(&self, name: &str) -> Result<impl Stream<Item = Result<Bytes>> + use<>> {
        let request = self.http.get(address(name, "/verification/differences")?);
        Ok(send(request).await?.bytes_stream().map_err(|error| lost(&error)))
    }

    /// `POST /v1/migrations/{name}/comparison`
    pub async fn save_comparison(&self, name: &str, record: &ComparisonRecord) -> Result<()> {
        send(self.posts(name, "/comparison", record)?.timeout(ANSWER_WITHIN)).await.map(drop)
    }

    /// `GET /v1/migrations/{name}/gates`; asks both clusters.
    pub async fn gates(&self, name: &str) -> Result<DryRun> {
        json(self.http.get(address(name, "/gates")?)).await
    }

    /// `POST /v1/migrations/{name}/cutover`; says how far it is, and goes on without a listener.
    pub async fn cutover(
        &self,
        name: &str,
        options: &CutoverOptions,
        told: impl FnMut(CutoverRecord),
    ) -> Result<CutoverRecord> {
        let hint =
            format!("the switch goes on, or is ended by the daemon's next start: `esferry status {name}`");
        work(self.posts(name, "/cutover", options)?, told, &hint).await
    }

    /// `POST /v1/migrations/{name}/rollback`; the same.
    pub async fn rollback(
        &self,
        name: &str,
        because: String,
        told: impl FnMut(CutoverRecord),
    ) -> Result<CutoverRecord> {
        let hint = format!("the way back goes on, also after a restart: `esferry status {name}`");
        work(self.posts(name, "/rollback", &RollbackRequest { because })?, told, &hint).await
    }

    /// `GET /v1/migrations/{name}/recovery`; asks the target.
    pub async fn recovery(&self, name: &str) -> Result<RecoveryPlan> {
        json(self.http.get(address(name, "/recovery")?)).await
    }

    /// `POST /v1/migrations/{name}/complete`; asks both clusters.
    pub async fn complete(&self, name: &str, by: String) -> Result<FinalReport> {
        json(self.posts(name, "/complete", &CompleteRequest { by })?).await
    }

    fn posts(&self, name: &str, rest: &str, body: &impl Serialize) -> Result<RequestBuilder> {
        let body = serde_json::to_vec(body).map_err(|error| {
            Error::unexpected("not_json", "a request cannot be written as JSON").because(error)
        })?;
        Ok(self.http.post(address(name, rest)?).header("content-type", JSON).body(body))
    }

    /// `POST /v1/migrations/{name}/pause`
    pub async fn pause(&self, name: &str, reason: Option<&str>) -> Result<()> {
        let body = serde_json::json!({ "reason": reason });
        let request =
            self.http.post(address(name, "/pause")?).header("content-type", JSON).body(body.to_string());
        send(request.timeout(ANSWER_WITHIN)).await.map(drop)
    }

    /// `POST /v1/migrations/{name}/resume`
    pub async fn resume(&self, name: &str, only: Option<SliceId>) -> Result<()> {
        let body = serde_json::json!({ "slice": only.map(|id| id.to_string()) }).to_string();
        let request = self.http.post(address(name, "/resume")?).header("content-type", JSON).body(body);
        send(request.timeout(ANSWER_WITHIN)).await.map(drop)
    }

    /// `POST /v1/migrations/{name}/tune`, or `DELETE` of it without limits; returns those that stand now.
    pub async fn tune(&self, name: &str, newer: Option<Tuned>) -> Result<Tuned> {
        let url = address(name, "/tune")?;
        let request = match newer {
            Some(newer) => {
                let body = serde_json::to_vec(&newer).map_err(|error| {
                    Error::unexpected("not_json", "limits cannot be written as JSON").because(error)
                })?;
                self.http.post(url).header("content-type", JSON).body(body)
            }
            None => self.http.delete(url),
        };
        json(request.timeout(ANSWER_WITHIN)).await
    }
}

const JSON: &str = "application/json";

fn address(name: &str, rest: &str) -> Result<Url> {
    if name.is_empty()
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    {
        return Err(Error::config(
            "bad_name",
            format!("{name:?} is no name of a migration: a-z, 0-9, _ and - only"),
        ));
    }
    Url::parse(&format!("{BASE}/migrations/{name}{rest}"))
        .map_err(|error| Error::unexpected("control_client", "no address for the request").because(error))
}

async fn send(request: RequestBuilder) -> Result<Response> {
    let response = request.send().await.map_err(|error| lost(&error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let body = response.bytes().await.map_err(|error| lost(&error))?;
    match serde_json::from_slice::<Fault>(&body) {
        Ok(fault) => Err(fault.into()),
        Err(_) => Err(Error::unexpected("control_answer", format!("the daemon answered with HTTP {status}"))
            .hint("the command and the daemon may be of different versions")),
    }
}

/// Long work, which says how far it is; `hint` is what to do where its answer breaks off.
async fn work<P: DeserializeOwned, R: DeserializeOwned>(
    request: RequestBuilder,
    mut told: impl FnMut(P),
    hint: &str,
) -> Result<R> {
    let mut pieces = send(request).await?.bytes_stream().map_err(|error| lost(&error));
    let mut whole = Whole::default();
    while let Some(piece) = pieces.try_next().await? {
        let lines = whole.take(&piece);
        for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            match understood::<WorkLine<P, R>>(line)? {
                WorkLine::Progress(progress) => told(progress),
                WorkLine::Report(report) => return Ok(report),
                WorkLine::Fault(fault) => return Err(fault.into()),
            }
        }
    }
    Err(Error::temporary("daemon_gone", "the daemon's answer ended before its end").hint(hint))
}

async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T> {
    understood(&send(request).await?.bytes().await.map_err(|error| lost(&error))?)
}

fn understood<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::unexpected("control_answer", "the daemon's answer is not understood")
            .because(error)
            .hint("the command and the daemon may be of different versions")
    })
}

fn lost(error: &reqwest::Error) -> Error {
    if error.is_timeout() {
        return Error::temporary(
            "daemon_silent",
            format!("the daemon did not answer within {} s", ANSWER_WITHIN.as_secs()),
        )
        .hint("its logs may tell why; a restart loses nothing");
    }
    let mut deepest: &dyn std::error::Error = error;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    Error::temporary("daemon_gone", format!("the daemon's answer broke off: {deepest}"))
        .hint("it may be leaving: try again, then nothing or its successor answers")
}
