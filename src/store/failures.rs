//! Changes to the failure list within one batch: every record and the numbers of its group move together.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::Key;
use super::records::{Failure, FailureGroup};
use super::{Store, encode};
use crate::error::Result;

/// The failures that one batch adds, replaces and takes off, and the groups that follow from it.
pub(super) struct FailureEdit<'a> {
    store: &'a Store,
    name: &'a str,
    /// By key; `None` for a failure that is taken off.
    changed: BTreeMap<Vec<u8>, Option<Failure>>,
    groups: BTreeMap<String, FailureGroup>,
    /// Error types whose example may be off the list now.
    without_example: BTreeSet<String>,
}

impl<'a> FailureEdit<'a> {
    pub(super) fn new(store: &'a Store, name: &'a str) -> Self {
        FailureEdit {
            store,
            name,
            changed: BTreeMap::new(),
            groups: BTreeMap::new(),
            without_example: BTreeSet::new(),
        }
    }

    /// The failure with this one's key, as it stands with the changes made so far.
    pub(super) fn known(&self, failure: &Failure) -> Result<Option<Failure>> {
        let key = Key::failure(self.name, failure);
        match self.changed.get(key.bytes()) {
            Some(changed) => Ok(changed.clone()),
            None => self.store.get(&key),
        }
    }

    /// Adds a failure, in place of the one with its key if there is one.
    pub(super) fn put(&mut self, failure: Failure) -> Result<()> {
        self.remove(&failure)?;
        let group = self.group(&failure)?;
        if group.count == 0 {
            (group.example_id, group.example_reason) = (failure.id.clone(), failure.reason.clone());
        }
        group.count += 1;
        group.of_changes += u64::from(failure.slice.is_of_changes());
        self.changed.insert(Key::failure(self.name, &failure).bytes().to_vec(), Some(failure));
        Ok(())
    }

    /// Takes the failure with this one's key off the list.
    pub(super) fn remove(&mut self, failure: &Failure) -> Result<()> {
        let Some(known) = self.known(failure)? else { return Ok(()) };
        let group = self.group(&known)?;
        group.count = group.count.saturating_sub(1);
        group.of_changes = group.of_changes.saturating_sub(u64::from(known.slice.is_of_changes()));
        if group.example_id == known.id {
            self.without_example.insert(known.error_type.clone());
        }
        self.changed.insert(Key::failure(self.name, &known).bytes().to_vec(), None);
        Ok(())
    }

    fn group(&mut self, failure: &Failure) -> Result<&mut FailureGroup> {
        let kind = &failure.error_type;
        if !self.groups.contains_key(kind) {
            let known: Option<FailureGroup> = self.store.get(&Key::group(self.name, kind))?;
            self.groups.insert(kind.clone(), known.unwrap_or_else(|| group_of(failure)));
        }
        Ok(self.groups.entry(kind.clone()).or_insert_with(|| group_of(failure)))
    }

    /// Writes everything into the batch.
    pub(super) fn write(mut self, batch: &mut sled::Batch) -> Result<()> {
        for kind in std::mem::take(&mut self.without_example) {
            self.choose_example(&kind)?;
        }
        for (key, failure) in self.changed {
            match failure {
                Some(failure) => batch.insert(key, encode(&failure)?),
                None => batch.remove(key),
            }
        }
        for (kind, group) in self.groups {
            let key = Key::group(self.name, &kind);
            if group.is_over() {
                batch.remove(key.bytes());
            } else {
                batch.insert(key.bytes(), encode(&group)?);
            }
        }
        Ok(())
    }

    /// Another example that is on the list, for a group that lost its own.
    fn choose_example(&mut self, kind: &str) -> Result<()> {
        let Some(group) = self.groups.get_mut(kind).filter(|group| group.count > 0) else { return Ok(()) };
        let mut example = self.changed.values().flatten().find(|failure| failure.error_type == kind).cloned();
        // Whoever works through the list finds the next one ahead of what is taken off now, not at the beginning.
        let ahead = self.changed.keys().next_back().cloned().unwrap_or_default();
        let ahead = self.store.failures_from(self.name, ahead);
        let mut stored = ahead.chain(self.store.failures(self.name));
        while example.is_none() {
            let Some(failure) = stored.next().transpose()? else { break };
            let untouched = !self.changed.contains_key(Key::failure(self.name, &failure).bytes());
            example = (untouched && failure.error_type == kind).then_some(failure);
        }
        if let Some(failure) = example {
            (group.example_id, group.example_reason) = (failure.id, failure.reason);
        }
        Ok(())
    }
}

fn group_of(failure: &Failure) -> FailureGroup {
    FailureGroup {
        error_type: failure.error_type.clone(),
        count: 0,
        of_changes: 0,
        example_id: failure.id.clone(),
        example_reason: failure.reason.clone(),
        accepted: None,
    }
}
