//! The API's side in the daemon. Every answer but `retry` comes from memory or the store, never from a cluster.

use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::{Bytes, BytesMut};
use futures::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, RetryProgress, RetryReport};
use crate::error::{Error, Kind, Result};
use crate::plan::slice::SliceId;
use crate::store::records::{Acceptance, FailureGroup, Tuned};

use super::client::{Wanted, WantedSlices};
use super::fault::Fault;
use super::lines::WorkLine;
use super::status::{MigrationStatus, StatusDocument};
use super::{lines, socket, switching, verifying};

/// How long answers that are under way may take when the daemon leaves.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// A listening control server.
pub struct ControlServer {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    state_dir: PathBuf,
}

pub(super) type Answer<T> = std::result::Result<T, Fault>;

#[derive(Debug, Default, Deserialize)]
struct PauseRequest {
    reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct RetryRequest {
    #[serde(rename = "type")]
    error_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ResumeRequest {
    slice: Option<String>,
}

/// What `failures/retry` answers.
pub type RetryLine = WorkLine<RetryProgress, RetryReport>;

/// What `failures/accept` is asked with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AcceptRequest {
    /// The error type.
    #[serde(rename = "type")]
    pub error_type: String,
    /// Absent: what was accepted is taken back.
    pub acceptance: Option<Acceptance>,
}

impl ControlServer {
    /// Listens on the control socket of `state_dir`; it answers once this returns.
    pub fn start(engine: Engine, state_dir: &FilePath) -> Result<ControlServer> {
        let listener = socket::listen(state_dir)?;
        let shutdown = CancellationToken::new();
        let closing = shutdown.clone().cancelled_owned();
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes(engine)).with_graceful_shutdown(closing).await {
                tracing::error!(%error, "control socket failed");
            }
        });
        Ok(ControlServer { shutdown, task, state_dir: state_dir.to_owned() })
    }

    /// Stops listening, lets answers under way end for a moment, and takes the socket away.
    pub async fn stop(mut self) {
        socket::close(&self.state_dir);
        self.shutdown.cancel();
        if tokio::time::timeout(LEAVE_WITHIN, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

fn routes(engine: Engine) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/migrations/{name}", get(migration))
        .route("/v1/migrations/{name}/slices", get(slices))
        .route("/v1/migrations/{name}/failures", get(failure_groups))
        .route("/v1/migrations/{name}/failures/records", get(failure_records))
        .route("/v1/migrations/{name}/failures/accept", post(accept))
        .route("/v1/migrations/{name}/failures/retry", post(retry))
        .route("/v1/migrations/{name}/verify", post(verifying::verify))
        .route("/v1/migrations/{name}/verification/differences", get(verifying::found))
        .route("/v1/migrations/{name}/comparison", post(switching::comparison))
        .route("/v1/migrations/{name}/gates", get(switching::gates))
        .route("/v1/migrations/{name}/cutover", post(switching::cutover))
        .route("/v1/migrations/{name}/rollback", post(switching::rollback))
        .route("/v1/migrations/{name}/recovery", get(switching::recovery))
        .route("/v1/migrations/{name}/complete", post(switching::complete))
        .route("/v1/migrations/{name}/pause", post(pause))
        .route("/v1/migrations/{name}/resume", post(resume))
        .route("/v1/migrations/{name}/tune", post(tune).delete(untune))
        .fallback(no_such_address)
        .with_state(engine)
}

async fn status(State(engine): State<Engine>) -> Json<StatusDocument> {
    Json(engine.status())
}

async fn migration(State(engine): State<Engine>, Path(name): Path<String>) -> Answer<Json<MigrationStatus>> {
    Ok(Json(engine.status_of(&name)?))
}

async fn slices(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    Query(wanted): Query<WantedSlices>,
) -> Answer<Response> {
    engine.knows(&name)?;
    let slices = engine.store().slices(&name);
    Ok(lines::answer(slices.filter(move |slice| slice.as_ref().map_or(true, |slice| wanted.takes(slice)))))
}

async fn failure_groups(
    State(engine): State<Engine>,
    Path(name): Path<String>,
) -> Answer<Json<Vec<FailureGroup>>> {
    engine.knows(&name)?;
    Ok(Json(engine.store().failure_groups(&name)?))
}

async fn failure_records(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    engine.knows(&name)?;
    let records = engine.store().failures(&name);
    Ok(lines::answer(
        records.filter(move |record| record.as_ref().map_or(true, |failure| wanted.takes(failure))),
    ))
}

async fn retry(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    request: Option<Json<RetryRequest>>,
) -> Answer<Response> {
    engine.knows(&name)?;
    let request = request.unwrap_or_default();
    let (told, heard) = watch::channel(RetryProgress::default());
    let work = tokio::spawn(async move { engine.retry_failures(&name, request.0.error_type, &told).await });
    Ok(lines::streamed(stream::unfold(Some((heard, work)), |at_work| async {
        let (mut heard, work) = at_work?;
        let (line, rest) = match heard.changed().await {
            Ok(()) => {
                let progress = *heard.borrow_and_update();
                (RetryLine::Progress(progress), Some((heard, work)))
            }
            Err(_) => (RetryLine::of(work.await), None),
        };
        let mut text = BytesMut::new();
        Some((lines::write_line(&line, &mut text).map(|()| text.freeze()), rest))
    })))
}

async fn accept(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    Json(request): Json<AcceptRequest>,
) -> Answer<Json<FailureGroup>> {
    engine.knows(&name)?;
    Ok(Json(engine.accept_failures(&name, &request.error_type, request.acceptance)?))
}

async fn pause(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    request: Option<Json<PauseRequest>>,
) -> Answer<StatusCode> {
    engine.knows(&name)?;
    let reason = request.and_then(|Json(request)| request.reason);
    engine.pause(&name, reason.as_deref().unwrap_or(super::BY_OPERATOR))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn resume(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    request: Option<Json<ResumeRequest>>,
) -> Answer<StatusCode> {
    engine.knows(&name)?;
    let only = request.and_then(|Json(request)| request.slice);
    let only: Option<SliceId> =
        only.map(|id| id.parse()).transpose().map_err(|why: String| Error::config("bad_slice", why))?;
    engine.resume(&name, only)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn tune(State(engine): State<Engine>, Path(name): Path<String>, body: Bytes) -> Answer<Json<Tuned>> {
    engine.knows(&name)?;
    Ok(Json(engine.tune(&name, Some(limits(&body)?))?))
}

async fn untune(State(engine): State<Engine>, Path(name): Path<String>) -> Answer<Json<Tuned>> {
    engine.knows(&name)?;
    Ok(Json(engine.tune(&name, None)?))
}

/// The limits of a request, none of them unknown: one with a slip of the pen would be lost without a word.
fn limits(body: &[u8]) -> Result<Tuned> {
    let refused = |cause: &str| {
        Error::config("bad_limits", format!("these are no limits: {cause}"))
            .hint("a JSON object with some of parallel, bulks, max_docs_per_second and max_bytes_per_second")
    };
    let given: serde_json::Value =
        serde_json::from_slice(body).map_err(|error| refused(&error.to_string()))?;
    let tuned: Tuned = serde_json::from_value(given.clone()).map_err(|error| refused(&error.to_string()))?;
    let known = serde_json::json!(tuned);
    match given.as_object().and_then(|given| given.keys().find(|key| known.get(key.as_str()).is_none())) {
        Some(unknown) => Err(refused(&format!("`{unknown}` is none"))),
        None => Ok(tuned),
    }
}

async fn no_such_address() -> Response {
    let error = Error::new(Kind::Unexpected, "no_such_address", "this daemon has no such address")
        .hint("the command may be of a newer esferry than the daemon: restart the daemon");
    (StatusCode::NOT_FOUND, Json(Fault::from(&error))).into_response()
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::from(&error)
    }
}
