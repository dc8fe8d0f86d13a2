//! Error types that an operator accepted: their failures stay on the list, and are no difference any more.

use super::keys::Key;
use super::records::{Acceptance, FailureGroup};
use super::{Store, encode};
use crate::config::{did_you_mean, listed};
use crate::error::{Error, Result};

impl FailureGroup {
    /// Nothing is left to be told of the type.
    pub(super) fn is_over(&self) -> bool {
        self.count == 0 && self.accepted.is_none()
    }
}

impl Store {
    /// Accepts the failures of an error type, those that come later too; `count` of the acceptance is set here. One
    /// that was accepted before has the new note from now on. Durable when this returns.
    ///
    /// # Errors
    /// `Config` when there is no failure of that type, naming those that there are; `State` when the disk refuses.
    pub fn accept_failures(
        &self,
        name: &str,
        error_type: &str,
        acceptance: Acceptance,
    ) -> Result<FailureGroup> {
        self.change_group(name, error_type, |group| {
            group.accepted = Some(Acceptance { count: group.count, ..acceptance });
        })
    }

    /// Takes an acceptance back: the failures of the type are differences again. Durable when this returns.
    ///
    /// # Errors
    /// `Config` when the type is not accepted; `State` when the disk refuses.
    pub fn take_back_acceptance(&self, name: &str, error_type: &str) -> Result<FailureGroup> {
        let groups = self.failure_groups(name)?;
        if groups.iter().any(|group| group.error_type == error_type && group.accepted.is_none()) {
            return Err(Error::config("not_accepted", format!("`{error_type}` is not accepted"))
                .hint(format!("`esferry failures list {name}` shows what is")));
        }
        self.change_group(name, error_type, |group| group.accepted = None)
    }

    fn change_group(
        &self,
        name: &str,
        error_type: &str,
        change: impl FnOnce(&mut FailureGroup),
    ) -> Result<FailureGroup> {
        let group = {
            let _guard = self.guard();
            let key = Key::group(name, error_type);
            let Some(mut group) = self.get::<FailureGroup>(&key)? else {
                return Err(self.no_such_type(name, error_type)?);
            };
            change(&mut group);
            if group.is_over() {
                self.db.remove(key.bytes()).map_err(|cause| self.broken(cause))?;
            } else {
                self.db.insert(key.bytes(), encode(&group)?).map_err(|cause| self.broken(cause))?;
            }
            group
        };
        self.flush()?;
        Ok(group)
    }

    fn no_such_type(&self, name: &str, error_type: &str) -> Result<Error> {
        let groups = self.failure_groups(name)?;
        let known = || groups.iter().map(|group| group.error_type.as_str());
        let suggested = did_you_mean(error_type, known());
        let message = format!("`{name}` has no failures of the type `{error_type}`{suggested}");
        Ok(Error::config("unknown_type", message).hint(if groups.is_empty() {
            "it has no failures at all".to_owned()
        } else {
            format!("there are: {}", listed(known()))
        }))
    }
}
