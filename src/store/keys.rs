//! The keys: a letter, the migration's name, then numbers big-endian, so that a prefix scan walks them in order.

use sha2::{Digest, Sha256};

use super::records::Failure;
use super::topics::Tombstone;
use super::units::{Purpose, UnitName};
use crate::plan::slice::SliceId;

/// A key, or the prefix of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(Vec<u8>);

impl Key {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn format() -> Self {
        Key(b"format".to_vec())
    }

    pub(super) fn migrations() -> Self {
        Key(b"m/".to_vec())
    }

    pub(super) fn migration(name: &str) -> Self {
        Key([b"m/", name.as_bytes()].concat())
    }

    pub(super) fn resets() -> Self {
        Key(b"r/".to_vec())
    }

    pub(super) fn reset(name: &str) -> Self {
        Key([b"r/", name.as_bytes()].concat())
    }

    pub(super) fn indices(name: &str) -> Self {
        Key::below(b'i', name)
    }

    pub(super) fn index(name: &str, ordinal: u32) -> Self {
        Key::indices(name).with(&ordinal.to_be_bytes())
    }

    pub(super) fn shards(name: &str) -> Self {
        Key::below(b'p', name)
    }

    pub(super) fn shard(name: &str, index: u32, shard: u32) -> Self {
        Key::shards(name).with(&index.to_be_bytes()).with(&shard.to_be_bytes())
    }

    pub(super) fn slices(name: &str) -> Self {
        Key::below(b's', name)
    }

    pub(super) fn slice(name: &str, id: SliceId) -> Self {
        Key::slices(name).with_slice(id)
    }

    pub(super) fn failures(name: &str) -> Self {
        Key::below(b'f', name)
    }

    /// The same document in the same slice has the same key: met again, it replaces its record.
    pub(super) fn failure(name: &str, failure: &Failure) -> Self {
        let hash = hash([
            Some(failure.id.as_str()),
            failure.routing.as_deref(),
            failure.doc_type.as_deref(),
            failure.target_id.as_deref(),
            failure.target_index.as_deref(),
        ]);
        Key::failures(name).with_slice(failure.slice).with(&hash)
    }

    /// The lowest key above this one.
    pub(super) fn after(mut self) -> Vec<u8> {
        self.0.push(0);
        self.0
    }

    pub(super) fn groups(name: &str) -> Self {
        Key::below(b'g', name)
    }

    pub(super) fn group(name: &str, error_type: &str) -> Self {
        Key::groups(name).with(error_type.as_bytes())
    }

    pub(super) fn topic(name: &str) -> Self {
        Key::below(b't', name)
    }

    pub(super) fn positions(name: &str) -> Self {
        Key::below(b'o', name)
    }

    pub(super) fn position(name: &str, partition: i32) -> Self {
        Key::positions(name).with(&partition.to_be_bytes())
    }

    pub(super) fn tombstones(name: &str) -> Self {
        Key::below(b'd', name)
    }

    /// One a document: the last delete counts.
    pub(super) fn tombstone(name: &str, tombstone: &Tombstone) -> Self {
        let Tombstone { index, doc_type, id, routing, version: _ } = tombstone;
        let hash = hash([Some(id.as_str()), routing.as_deref(), doc_type.as_deref()]);
        Key::tombstones(name).with(&index.to_be_bytes()).with(&hash)
    }

    pub(super) fn pass(name: &str) -> Self {
        Key::below(b'c', name)
    }

    pub(super) fn comparison(name: &str) -> Self {
        Key::below(b'q', name)
    }

    pub(super) fn cutovers(name: &str) -> Self {
        Key::below(b'x', name)
    }

    pub(super) fn cutover(name: &str, number: u32) -> Self {
        Key::cutovers(name).with(&number.to_be_bytes())
    }

    pub(super) fn verification(name: &str) -> Self {
        Key::below(b'v', name)
    }

    pub(super) fn units(purpose: Purpose, name: &str) -> Self {
        let letter = match purpose {
            Purpose::Pass => b'u',
            Purpose::Verification => b'w',
        };
        Key::below(letter, name)
    }

    pub(super) fn unit(purpose: Purpose, name: &str, unit: UnitName) -> Self {
        let UnitName { part, index, shard, number } = unit;
        let key = Key::units(purpose, name).with(&[part.letter()]);
        key.with(&index.to_be_bytes()).with(&shard.to_be_bytes()).with(&number.to_be_bytes())
    }

    fn below(letter: u8, name: &str) -> Self {
        Key([&[letter, b'/'], name.as_bytes(), b"/"].concat())
    }

    fn with(mut self, part: &[u8]) -> Self {
        self.0.extend_from_slice(part);
        self
    }

    fn with_slice(self, id: SliceId) -> Self {
        self.with(&id.index.to_be_bytes()).with(&id.shard.to_be_bytes()).with(&id.number.to_be_bytes())
    }
}

fn hash<const PARTS: usize>(parts: [Option<&str>; PARTS]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.unwrap_or("\u{0}");
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hash.finalize()[..16]);
    short
}
