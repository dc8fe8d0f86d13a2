//! Verification through the daemon.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::BytesMut;
use futures::stream;
use tokio_util::sync::CancellationToken;

use super::lines::{self, WorkLine};
use super::server::Answer;
use super::verification::VerificationStatus;
use crate::engine::Engine;
use crate::engine::verification::{VerifyOptions, VerifyReport, differences};

/// Between two lines that say how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// What `verify` answers. A report that is `null` is that of a verification that was stopped.
pub type VerifyLine = WorkLine<VerificationStatus, Option<VerifyReport>>;

/// Works for as long as somebody listens: what was found until then is stored, and the next request goes on there.
pub(super) async fn verify(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    Json(options): Json<VerifyOptions>,
) -> Answer<Response> {
    engine.knows(&name)?;
    let stop = CancellationToken::new();
    let listens = stop.clone().drop_guard();
    let (at_work, migration) = (engine.clone(), name.clone());
    let work = tokio::spawn(async move { at_work.verify(&migration, options, &stop).await });
    Ok(lines::streamed(stream::unfold(Some((work, listens)), move |at_work| {
        let (engine, name) = (engine.clone(), name.clone());
        async move {
            let (mut work, listens) = at_work?;
            let (line, rest) = tokio::select! {
                ended = &mut work => (Some(VerifyLine::of(ended)), None),
                () = tokio::time::sleep(TOLD_EVERY) => {
                    let status = engine.status_of(&name).ok().and_then(|status| status.verification);
                    (status.map(VerifyLine::Progress), Some((work, listens)))
                }
            };
            let mut text = BytesMut::new();
            let written = line.map_or(Ok(()), |line| lines::write_line(&line, &mut text));
            Some((written.map(|()| text.freeze()), rest))
        }
    })))
}

/// What the last verification is certain of.
pub(super) async fn found(State(engine): State<Engine>, Path(name): Path<String>) -> Answer<Response> {
    engine.knows(&name)?;
    Ok(lines::answer(differences(engine.store(), &name)?))
}
