//! An [`Error`] on the wire, there and back.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::config::UNKNOWN_MIGRATION;
use crate::error::{Error, Kind};

/// What the API answers instead of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `unexpected`, `config`, `state`, `refused`, `temporary`, `differences` or `interrupted`.
    pub kind: String,
    /// Stable between releases.
    pub code: String,
    /// The message and its causes.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

const KINDS: [(Kind, &str, StatusCode); 7] = [
    (Kind::Unexpected, "unexpected", StatusCode::INTERNAL_SERVER_ERROR),
    (Kind::Config, "config", StatusCode::BAD_REQUEST),
    (Kind::State, "state", StatusCode::CONFLICT),
    (Kind::Refused, "refused", StatusCode::UNPROCESSABLE_ENTITY),
    (Kind::Temporary, "temporary", StatusCode::SERVICE_UNAVAILABLE),
    (Kind::Differences, "differences", StatusCode::CONFLICT),
    (Kind::Interrupted, "interrupted", StatusCode::SERVICE_UNAVAILABLE),
];

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        let kind =
            KINDS.iter().find(|(kind, ..)| *kind == error.kind()).map_or("unexpected", |(_, word, _)| word);
        Fault {
            kind: kind.to_owned(),
            code: error.code().to_owned(),
            message: error.one_line(),
            hint: error.remedy().map(str::to_owned),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let kind = KINDS
            .iter()
            .find(|(_, word, _)| *word == fault.kind)
            .map_or(Kind::Unexpected, |(kind, ..)| *kind);
        // Codes are static in the process that made them; a client reads one error in its life.
        let code: &'static str = Box::leak(fault.code.into_boxed_str());
        let error = Error::new(kind, code, fault.message);
        match fault.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = if self.code == UNKNOWN_MIGRATION {
            StatusCode::NOT_FOUND
        } else {
            KINDS
                .iter()
                .find(|(_, word, _)| *word == self.kind)
                .map_or(StatusCode::INTERNAL_SERVER_ERROR, |(.., status)| *status)
        };
        (status, axum::Json(self)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_back_as_it_went() {
        for (kind, ..) in KINDS {
            let error = Error::new(kind, "some_code", "what went wrong").hint("what to do");
            let text = serde_json::to_string(&Fault::from(&error)).unwrap();
            let back = Error::from(serde_json::from_str::<Fault>(&text).unwrap());
            assert_eq!((back.kind(), back.code(), back.remedy()), (kind, "some_code", Some("what to do")));
            assert_eq!(back.to_string(), "what went wrong");
        }
    }

    #[test]
    fn an_unknown_name_is_a_404() {
        let error = crate::config::unknown_migration("alert", ["alerts", "cities"]);
        assert_eq!(Fault::from(&error).into_response().status(), StatusCode::NOT_FOUND);
    }
}
