//! Gates, the switch, the way back and the end, through the daemon.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::BytesMut;
use futures::stream;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::lines::{self, WorkLine};
use super::server::Answer;
use crate::engine::Engine;
use crate::engine::cutover::recovery::RecoveryPlan;
use crate::engine::cutover::report::FinalReport;
use crate::engine::cutover::{CutoverOptions, DryRun};
use crate::error::Result;
use crate::store::comparison::ComparisonRecord;
use crate::store::cutover::CutoverRecord;

/// Between two lines that say how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// What `cutover` and `rollback` answer: the record as it grows, and as it ended.
pub type SwitchLine = WorkLine<CutoverRecord, CutoverRecord>;

/// What `rollback` is asked with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RollbackRequest {
    /// Why.
    pub because: String,
}

/// What `complete` is asked with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompleteRequest {
    /// User name of whoever says so.
    pub by: String,
}

pub(super) async fn gates(State(engine): State<Engine>, Path(name): Path<String>) -> Answer<Json<DryRun>> {
    Ok(Json(engine.dry_run(&name).await?))
}

/// Goes on to its end also when nobody listens any more.
pub(super) async fn cutover(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    Json(options): Json<CutoverOptions>,
) -> Answer<Response> {
    engine.knows(&name)?;
    let (at_work, migration) = (engine.clone(), name.clone());
    let work =
        tokio::spawn(async move { at_work.cut_over(&migration, &options, &CancellationToken::new()).await });
    Ok(told(engine, name, work))
}

/// The same.
pub(super) async fn rollback(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    Json(request): Json<RollbackRequest>,
) -> Answer<Response> {
    engine.knows(&name)?;
    let (at_work, migration) = (engine.clone(), name.clone());
    let work = tokio::spawn(async move {
        at_work.roll_back(&migration, request.because, &CancellationToken::new()).await
    });
    Ok(told(engine, name, work))
}

fn told(engine: Engine, name: String, work: JoinHandle<Result<CutoverRecord>>) -> Response {
    lines::streamed(stream::unfold(Some(work), move |at_work| {
        let (engine, name) = (engine.clone(), name.clone());
        async move {
            let mut work = at_work?;
            let (line, rest) = tokio::select! {
                ended = &mut work => (Some(SwitchLine::of(ended)), None),
                () = tokio::time::sleep(TOLD_EVERY) => {
                    let record = engine.status_of(&name).ok().and_then(|status| status.cutover);
                    (record.map(SwitchLine::Progress), Some(work))
                }
            };
            let mut text = BytesMut::new();
            let written = line.map_or(Ok(()), |line| lines::write_line(&line, &mut text));
            Some((written.map(|()| text.freeze()), rest))
        }
    }))
}

pub(super) async fn recovery(
    State(engine): State<Engine>,
    Path(name): Path<String>,
) -> Answer<Json<RecoveryPlan>> {
    Ok(Json(engine.recovery(&name).await?))
}

pub(super) async fn complete(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    Json(request): Json<CompleteRequest>,
) -> Answer<Json<FinalReport>> {
    Ok(Json(engine.complete(&name, request.by).await?))
}

pub(super) async fn comparison(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    Json(record): Json<ComparisonRecord>,
) -> Answer<StatusCode> {
    engine.save_comparison(&name, &record)?;
    Ok(StatusCode::NO_CONTENT)
}
