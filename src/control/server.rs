//! The API's side in the daemon. Every answer but `retry` comes from memory or the store, never from a cluster.

use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::Deserialize;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, RetryReport};
use crate::error::{Error, Kind, Result};
use crate::store::records::{FailureGroup, Tuned};

use super::client::Wanted;
use super::fault::{Fault, unknown_migration};
use super::status::{MigrationStatus, StatusDocument};
use super::{lines, socket};

/// How long answers that are under way may take when the daemon leaves.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// A listening control server.
pub struct ControlServer {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    state_dir: PathBuf,
}

type Answer<T> = std::result::Result<T, Fault>;

#[derive(Debug, Default, Deserialize)]
struct PauseRequest {
    reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct RetryRequest {
    #[serde(rename = "type")]
    error_type: Option<String>,
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
        .route("/v1/migrations/{name}/failures/retry", post(retry))
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
    known(&engine, &name)?;
    let found = engine.status().migrations.into_iter().find(|migration| migration.name == name);
    found.map(Json).ok_or_else(|| Fault::from(&unknown_migration(&name, &engine.migration_names())))
}

async fn slices(State(engine): State<Engine>, Path(name): Path<String>) -> Answer<Response> {
    known(&engine, &name)?;
    Ok(lines::answer(engine.store().slices(&name)))
}

async fn failure_groups(
    State(engine): State<Engine>,
    Path(name): Path<String>,
) -> Answer<Json<Vec<FailureGroup>>> {
    known(&engine, &name)?;
    Ok(Json(engine.store().failure_groups(&name)?))
}

async fn failure_records(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    known(&engine, &name)?;
    let records = engine.store().failures(&name);
    Ok(lines::answer(
        records.filter(move |record| record.as_ref().map_or(true, |failure| wanted.takes(failure))),
    ))
}

async fn retry(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    request: Option<Json<RetryRequest>>,
) -> Answer<Json<RetryReport>> {
    known(&engine, &name)?;
    let request = request.unwrap_or_default();
    Ok(Json(engine.retry_failures(&name, request.0.error_type).await?))
}

async fn pause(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    request: Option<Json<PauseRequest>>,
) -> Answer<StatusCode> {
    known(&engine, &name)?;
    let reason = request.and_then(|Json(request)| request.reason);
    engine.pause(&name, reason.as_deref().unwrap_or(super::BY_OPERATOR))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn resume(State(engine): State<Engine>, Path(name): Path<String>) -> Answer<StatusCode> {
    known(&engine, &name)?;
    engine.resume(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn tune(State(engine): State<Engine>, Path(name): Path<String>, body: Bytes) -> Answer<Json<Tuned>> {
    known(&engine, &name)?;
    Ok(Json(engine.tune(&name, Some(limits(&body)?))?))
}

async fn untune(State(engine): State<Engine>, Path(name): Path<String>) -> Answer<Json<Tuned>> {
    known(&engine, &name)?;
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

fn known(engine: &Engine, name: &str) -> Answer<()> {
    let names = engine.migration_names();
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(Fault::from(&unknown_migration(name, &names)))
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::from(&error)
    }
}
