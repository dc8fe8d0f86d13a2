//! Records as lines of JSON, made on a thread of their own: the store blocks, and a list may be long.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use futures::{Stream, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinError;

use super::fault::Fault;
use crate::error::{Error, Result};

/// Lines are sent in pieces of about this size.
const PIECE_BYTES: usize = 64 * 1024;

/// What long work answers: how far it is, as often as that changes, and its end.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkLine<P, R> {
    /// How far it is.
    Progress(P),
    /// The last line: what it came to.
    Report(R),
    /// The last line: why it ended before.
    Fault(Fault),
}

impl<P, R> WorkLine<P, R> {
    /// The last line of work that ran in a task of its own.
    pub fn of(ended: std::result::Result<Result<R>, JoinError>) -> WorkLine<P, R> {
        match ended {
            Ok(Ok(report)) => WorkLine::Report(report),
            Ok(Err(error)) => WorkLine::Fault(Fault::from(&error)),
            Err(panicked) => WorkLine::Fault(Fault::from(
                &Error::unexpected("panic", "the work panicked").because(panicked),
            )),
        }
    }
}

/// Pieces that wait for a slow reader.
const PIECES_AHEAD: usize = 4;

/// Writes one record and its line break.
pub fn write_line(record: &impl Serialize, out: &mut BytesMut) -> Result<()> {
    serde_json::to_writer((&mut *out).writer(), record).map_err(|error| {
        Error::unexpected("not_json", "a record cannot be written as JSON").because(error)
    })?;
    out.put_u8(b'\n');
    Ok(())
}

/// Hands `records` to `take` in pieces of whole lines.
pub fn in_pieces<T: Serialize>(
    records: impl Iterator<Item = Result<T>>,
    mut take: impl FnMut(Bytes) -> Result<()>,
) -> Result<()> {
    let mut piece = BytesMut::with_capacity(PIECE_BYTES);
    for record in records {
        write_line(&record?, &mut piece)?;
        if piece.len() >= PIECE_BYTES {
            take(piece.split().freeze())?;
        }
    }
    if piece.is_empty() { Ok(()) } else { take(piece.freeze()) }
}

/// Puts lines together again that a connection cut anywhere.
#[derive(Debug, Default)]
pub struct Whole {
    rest: BytesMut,
}

impl Whole {
    /// The whole lines that this piece ends; what comes after them is kept for the next one.
    pub fn take(&mut self, piece: &[u8]) -> Bytes {
        self.rest.extend_from_slice(piece);
        let end = self.rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        self.rest.split_to(end).freeze()
    }
}

/// An answer of lines. When a record cannot be read the connection is cut, so that nobody takes it for the end.
pub fn answer<T, I>(records: I) -> Response
where
    T: Serialize,
    I: Iterator<Item = Result<T>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel::<Result<Bytes>>(PIECES_AHEAD);
    tokio::task::spawn_blocking(move || {
        let gone = || Error::unexpected("reader_gone", "nobody reads any more");
        let sent = in_pieces(records, |piece| sender.blocking_send(Ok(piece)).map_err(|_| gone()));
        if let Err(error) = sent {
            // A reader that went away does not want to hear of it.
            let _ = sender.blocking_send(Err(error));
        }
    });
    streamed(stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|piece| (piece, receiver))
    }))
}

/// An answer of pieces of lines.
pub fn streamed(pieces: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Response {
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(pieces)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines_and_nothing_is_lost() {
        let mut text = Vec::new();
        let mut pieces = 0;
        in_pieces((0..50_000).map(Ok), |piece| {
            assert_eq!(piece.last(), Some(&b'\n'));
            pieces += 1;
            text.extend_from_slice(&piece);
            Ok(())
        })
        .unwrap();
        assert!(pieces > 1);
        let numbers: Vec<u32> =
            String::from_utf8(text).unwrap().lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(numbers, (0..50_000).collect::<Vec<_>>());
    }

    #[test]
    fn lines_that_were_cut_are_whole_again() {
        let mut whole = Whole::default();
        let taken: Vec<Bytes> =
            ["{\"a\"", ":1}\n{\"b\":2}\n{", "\"c\":3}\n"].map(|piece| whole.take(piece.as_bytes())).into();
        assert_eq!(taken, ["", "{\"a\":1}\n{\"b\":2}\n", "{\"c\":3}\n"]);
    }

    #[tokio::test]
    async fn an_unreadable_record_cuts_the_answer() {
        let records = [Ok(1), Err(Error::state("corrupt", "torn")), Ok(3)];
        let body = answer(records.into_iter()).into_body();
        assert!(axum::body::to_bytes(body, usize::MAX).await.is_err());
        let body = answer([Ok(1), Ok(2)].into_iter()).into_body();
        assert_eq!(axum::body::to_bytes(body, usize::MAX).await.unwrap(), "1\n2\n");
    }
}
