//! What has to hold for any bytes that come as the answer to a search: where they are JSON, the page is what a JSON
//! parser makes of them.

use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::page::Page;

/// # Panics
/// When it does not hold.
pub fn search_answer(bytes: &[u8]) {
    let read = Page::read(Bytes::copy_from_slice(bytes)).ok();
    let told = read.as_ref().map(|page| Told::of(page, bytes));
    if let Ok(members) = serde_json::from_slice::<Members<'_>>(bytes) {
        assert_eq!(told, Told::expected(&members), "of {}", String::from_utf8_lossy(bytes));
    }
}

/// A page by its texts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told<'a> {
    hits: Vec<ToldHit<'a>>,
    scroll_id: Option<String>,
    total: Option<u64>,
    shards: Option<[i64; 3]>,
    timed_out: bool,
    terminated_early: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct ToldHit<'a> {
    id: &'a [u8],
    doc_type: Option<&'a [u8]>,
    routing: Option<&'a [u8]>,
    parent: Option<&'a [u8]>,
    version: Option<u64>,
    source: Option<&'a [u8]>,
    index: Option<&'a [u8]>,
}

impl<'a> Told<'a> {
    fn of(page: &Page, bytes: &'a [u8]) -> Self {
        let hits = page.hits.iter().map(|hit| ToldHit {
            id: hit.id.of(bytes),
            doc_type: hit.doc_type.map(|span| span.of(bytes)),
            routing: hit.routing.map(|span| span.of(bytes)),
            parent: hit.parent.map(|span| span.of(bytes)),
            version: hit.version,
            source: hit.source.map(|span| span.of(bytes)),
            index: hit.index.map(|span| span.of(bytes)),
        });
        Told {
            hits: hits.collect(),
            scroll_id: page.scroll_id.clone(),
            total: page.total,
            shards: page.shards,
            timed_out: page.timed_out,
            terminated_early: page.terminated_early,
        }
    }

    /// `None`: no answer to a search.
    fn expected(members: &Members<'a>) -> Option<Self> {
        let mut told = Told::default();
        let mut whole = false;
        for &(key, value) in &members.0 {
            match key {
                b"_scroll_id" => told.scroll_id = serde_json::from_slice(string(value)?).ok(),
                b"timed_out" => told.timed_out = truth(value)?,
                b"terminated_early" => told.terminated_early = truth(value)?,
                b"_shards" => told.shards = shards(&Members::of(value)?)?,
                b"hits" => {
                    whole = true;
                    for &(key, value) in &Members::of(value)?.0 {
                        match key {
                            b"total" => told.total = total(value)?,
                            b"hits" => {
                                let hits: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
                                for hit in hits {
                                    told.hits.push(ToldHit::expected(&Members::of(hit)?)?);
                                }
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        whole.then_some(told)
    }
}

impl<'a> ToldHit<'a> {
    fn expected(members: &Members<'a>) -> Option<Self> {
        let (mut hit, mut id) = (ToldHit::default(), None);
        for &(key, value) in &members.0 {
            match key {
                b"_index" => hit.index = Some(string(value)?),
                b"_id" => id = Some(text(value)?),
                b"_type" => hit.doc_type = Some(text(value)?),
                b"_routing" => hit.routing = Some(text(value)?),
                b"_parent" => hit.parent = Some(text(value)?),
                b"_version" => hit.version = Some(count(value)?),
                b"_source" => hit.source = Some(value.get().as_bytes()),
                b"fields" => {
                    for &(key, value) in &Members::of(value)?.0 {
                        match key {
                            b"_routing" => hit.routing = Some(text(value)?),
                            b"_parent" => hit.parent = Some(text(value)?),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        hit.routing = hit.routing.or(hit.parent);
        hit.id = id?;
        Some(hit)
    }
}

fn shards(members: &Members<'_>) -> Option<Option<[i64; 3]>> {
    let mut shards = [None; 3];
    for &(key, value) in &members.0 {
        match key {
            b"total" => shards[0] = Some(integer(value)?),
            b"successful" => shards[1] = Some(integer(value)?),
            b"failed" => shards[2] = Some(integer(value)?),
            _ => {}
        }
    }
    let [total, successful, failed] = shards;
    Some(total.zip(successful).zip(failed).map(|((total, successful), failed)| [total, successful, failed]))
}

fn total(value: &RawValue) -> Option<Option<u64>> {
    if !value.get().starts_with('{') {
        return Some(Some(count(value)?));
    }
    let (mut total, mut exact) = (None, false);
    for &(key, value) in &Members::of(value)?.0 {
        match key {
            b"value" => total = Some(count(value)?),
            b"relation" => exact = string(value)? == b"\"eq\"",
            _ => {}
        }
    }
    Some(total.filter(|_| exact))
}

fn integer(value: &RawValue) -> Option<i64> {
    value.get().parse().ok()
}

fn count(value: &RawValue) -> Option<u64> {
    u64::try_from(integer(value)?).ok()
}

fn truth(value: &RawValue) -> Option<bool> {
    serde_json::from_str(value.get()).ok()
}

/// What a server made itself, and is text.
fn text(value: &RawValue) -> Option<&[u8]> {
    serde_json::from_str::<String>(value.get()).is_ok().then_some(value.get().as_bytes())
}

fn string(value: &RawValue) -> Option<&[u8]> {
    value.get().starts_with('"').then_some(value.get().as_bytes())
}

/// The members of an object as they stand there, repeated ones too.
struct Members<'a>(Vec<(&'a [u8], &'a RawValue)>);

impl<'a> Members<'a> {
    fn of(value: &'a RawValue) -> Option<Self> {
        serde_json::from_str(value.get()).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reading).map(Members)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Vec<(&'de [u8], &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            members.push((key, value));
        }
        Ok(members)
    }
}

/// A key as it is written. One with escapes is none that a server writes, and is known to nobody.
struct Key<'a>(&'a [u8]);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Plain;
        impl<'de> Visitor<'de> for Plain {
            type Value = &'de [u8];
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_bytes<E>(self, key: &'de [u8]) -> Result<Self::Value, E> {
                Ok(key)
            }
            fn visit_bytes<E>(self, _: &[u8]) -> Result<Self::Value, E> {
                Ok(b"")
            }
        }
        deserializer.deserialize_bytes(Plain).map(Key)
    }
}
