//! The one error type of the crate: a kind to match on, a stable code, a hint for the operator, the cause chained.

use std::fmt::Display;

/// What a caller, and in the end the exit code, makes of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A defect of esferry, or something nobody foresaw. Exit code 1.
    Unexpected,
    /// The command line or the configuration is wrong. Exit code 2.
    Config,
    /// The stored state does not allow it: drift, locked, corrupt, newer format. Exit code 3.
    State,
    /// A cluster refuses for a reason that waiting does not cure: rights, mapping, closed index. Exit code 2.
    Refused,
    /// A cluster cannot be reached, or is overloaded: trying later may help. Exit code 5.
    Temporary,
    /// Finished, but with failures or differences. Exit code 4.
    Differences,
    /// The operator interrupted. Exit code 130.
    Interrupted,
}

impl Kind {
    /// The documented process exit code of this kind.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Unexpected => 1,
            Kind::Config | Kind::Refused => 2,
            Kind::State => 3,
            Kind::Differences => 4,
            Kind::Temporary => 5,
            Kind::Interrupted => 130,
        }
    }
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// An error that a person is going to read.
///
/// The message says what went wrong and where; `hint` says what to do; the cause is chained and not repeated in
/// the message. `code` is stable between releases, so that scripts and alerts may match on it.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    code: &'static str,
    message: String,
    hint: Option<String>,
    cause: Option<Cause>,
}

/// `Result` with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A new error of `kind` with its stable `code`.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Error { kind, code, message: message.into(), hint: None, cause: None }
    }
    /// [`Kind::Config`].
    pub fn config(code: &'static str, message: impl Into<String>) -> Self {
        Error::new(Kind::Config, code, message)
    }
    /// [`Kind::State`].
    pub fn state(code: &'static str, message: impl Into<String>) -> Self {
        Error::new(Kind::State, code, message)
    }
    /// [`Kind::Refused`].
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Error::new(Kind::Refused, code, message)
    }
    /// [`Kind::Temporary`].
    pub fn temporary(code: &'static str, message: impl Into<String>) -> Self {
        Error::new(Kind::Temporary, code, message)
    }
    /// [`Kind::Unexpected`].
    pub fn unexpected(code: &'static str, message: impl Into<String>) -> Self {
        Error::new(Kind::Unexpected, code, message)
    }
    /// Adds what the operator should do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// The same error with another meaning, where more is known of the circumstances.
    #[must_use]
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }
    /// Chains the cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }
    /// What may be done about it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
    /// The stable code, such as `unknown_key`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }
    /// The remedy, where there is one.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.hint.as_deref()
    }
    /// The message and its causes in one line, for logs, the store and `status`.
    #[must_use]
    pub fn one_line(&self) -> String {
        let mut line = self.message.clone();
        let mut cause = std::error::Error::source(self);
        while let Some(next) = cause {
            let text = next.to_string();
            if !line.ends_with(&text) {
                line.push_str(": ");
                line.push_str(&text);
            }
            cause = next.source();
        }
        line.replace(['\n', '\r'], " ")
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_documented_contract() {
        let codes =
            [Kind::Unexpected, Kind::Config, Kind::State, Kind::Refused, Kind::Temporary, Kind::Differences]
                .map(Kind::exit_code);
        assert_eq!(codes, [1, 2, 3, 2, 5, 4]);
        assert_eq!(Kind::Interrupted.exit_code(), 130);
    }

    #[test]
    fn one_line_holds_the_causes_once() {
        let inner = Error::temporary("inner", "connection\nrefused");
        let outer = Error::unexpected("outer", "no answer").because(inner);
        assert_eq!(outer.one_line(), "no answer: connection refused");
    }
}
