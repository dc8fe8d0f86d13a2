//! Ready-made changes of a server's answers.

use bytes::Bytes;
use serde_json::{Value, json};

/// An answer with other numbers in `_shards`; the rest stays, but for the white space.
pub fn with_shards(
    total: i64,
    successful: i64,
    failed: i64,
) -> impl Fn(Bytes) -> Bytes + Send + Sync + 'static {
    move |body| {
        edited(body, |answer| {
            answer["_shards"] = json!({"total": total, "successful": successful, "failed": failed});
        })
    }
}

/// A page of hits with every hit twice, byte for byte: the page is written before it is found out.
pub fn doubled_hits(page: Bytes) -> Bytes {
    match around_hits(&page) {
        Some([before, hits, after]) if !hits.is_empty() => [before, hits, b",", hits, after].concat().into(),
        _ => page,
    }
}

/// A page without its last hit; the others stay, byte for byte.
pub fn last_hit_left_out(page: Bytes) -> Bytes {
    const NEXT: &[u8] = b",{\"_index\":";
    let shortened = around_hits(&page).and_then(|[before, hits, after]| {
        let last = hits.windows(NEXT.len()).rposition(|window| window == NEXT)?;
        Some([before, hits.get(..last)?, after].concat())
    });
    shortened.map_or(page, Bytes::from)
}

/// The hits of a page between what stands before and after them.
fn around_hits(page: &[u8]) -> Option<[&[u8]; 3]> {
    const BEGIN: &[u8] = b"\"hits\":[";
    let begin = page.windows(BEGIN.len()).position(|window| window == BEGIN)? + BEGIN.len();
    let end = page.iter().rposition(|&byte| byte == b']')?;
    Some([page.get(..begin)?, page.get(begin..end)?, page.get(end..)?])
}

/// A `_bulk` answer without its last item.
pub fn last_item_left_out(body: Bytes) -> Bytes {
    edited(body, |answer| {
        if let Some(items) = answer.get_mut("items").and_then(Value::as_array_mut) {
            items.pop();
        }
    })
}

/// A `_bulk` answer with its first item once more at the end.
pub fn first_item_again(body: Bytes) -> Bytes {
    edited(body, |answer| {
        if let Some(items) = answer.get_mut("items").and_then(Value::as_array_mut) {
            let first = items.first().cloned();
            items.extend(first);
        }
    })
}

/// A `_bulk` answer with its items from the last to the first.
pub fn items_reversed(body: Bytes) -> Bytes {
    edited(body, |answer| {
        if let Some(items) = answer.get_mut("items").and_then(Value::as_array_mut) {
            items.reverse();
        }
    })
}

/// Every letter of every `_id` in capitals.
pub fn ids_in_capitals(body: Bytes) -> Bytes {
    edited(body, |answer| {
        each_member(answer, &mut |name, value| {
            if let (true, Some(id)) = (name == "_id", value.as_str()) {
                *value = Value::String(id.to_uppercase());
            }
        });
    })
}

/// Numbers under this name as strings: `"total":"12"`. Documents that have it are not spared.
pub fn numbers_as_strings(name: &'static str) -> impl Fn(Bytes) -> Bytes + Send + Sync + 'static {
    move |body| {
        edited(body, |answer| {
            each_member(answer, &mut |member, value| {
                if member == name && value.is_number() {
                    *value = Value::String(value.to_string());
                }
            });
        })
    }
}

/// Numbers under this name with a minus, as after an overflow; a 0 becomes -1.
pub fn negative_numbers(name: &'static str) -> impl Fn(Bytes) -> Bytes + Send + Sync + 'static {
    move |body| {
        edited(body, |answer| {
            each_member(answer, &mut |member, value| {
                if let (true, Some(number)) = (member == name, value.as_i64()) {
                    *value = json!(-number.max(1));
                }
            });
        })
    }
}

/// An `_id` that is no UTF-8: the first one of the answer, byte for byte but for one that is too many.
pub fn invalid_utf8_in_an_id(body: Bytes) -> Bytes {
    const ID: &[u8] = b"\"_id\":\"";
    match body.windows(ID.len()).position(|window| window == ID) {
        Some(at) => [&body[..at + ID.len()], &b"\xff"[..], &body[at + ID.len()..]].concat().into(),
        None => body,
    }
}

/// Hits that say that they are of another index, byte for byte otherwise.
pub fn hits_of_another_index(body: Bytes) -> Bytes {
    const INDEX: &[u8] = b"\"_index\":\"";
    let mut changed = Vec::with_capacity(body.len() + 64);
    let mut rest = &body[..];
    while let Some(at) = rest.windows(INDEX.len()).position(|window| window == INDEX) {
        let (before, after) = rest.split_at(at + INDEX.len());
        changed.extend_from_slice(before);
        changed.extend_from_slice(b"others-");
        rest = after;
    }
    changed.extend_from_slice(rest);
    changed.into()
}

/// Calls `change` with every member of every object, the inner ones first.
fn each_member(value: &mut Value, change: &mut impl FnMut(&str, &mut Value)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                each_member(member, change);
                change(name, member);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| each_member(element, change)),
        _ => {}
    }
}

/// Changes a JSON answer; one that is not JSON stays as it is.
///
/// Numbers beyond 64 bits are not kept exactly: let answers with such documents be.
fn edited(body: Bytes, edit: impl Fn(&mut Value)) -> Bytes {
    match serde_json::from_slice::<Value>(&body) {
        Ok(mut answer) if answer.is_object() => {
            edit(&mut answer);
            Bytes::from(answer.to_string())
        }
        _ => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_replaced_and_the_rest_stays() {
        let changed =
            with_shards(3, 1, 0)(Bytes::from_static(br#"{"_shards":{"total":1},"hits":{"total":7}}"#));
        let answer: Value = serde_json::from_slice(&changed).unwrap();
        assert_eq!(
            answer,
            json!({"_shards": {"total": 3, "successful": 1, "failed": 0}, "hits": {"total": 7}})
        );
    }

    #[test]
    fn hits_are_doubled_and_items_dropped() {
        let one = Bytes::from_static(br#"{"hits":{"hits":[{"_index":"a","n":1.10}]}}"#);
        let two = doubled_hits(one.clone());
        assert_eq!(two, r#"{"hits":{"hits":[{"_index":"a","n":1.10},{"_index":"a","n":1.10}]}}"#);
        assert_eq!(last_hit_left_out(two), one);
        assert_eq!(last_item_left_out(Bytes::from_static(br#"{"items":[1,2]}"#)), r#"{"items":[1]}"#);
        assert_eq!(last_item_left_out(Bytes::from_static(b"no json")), "no json");
    }

    #[test]
    fn items_numbers_and_ids_are_changed_wherever_they_are() {
        let bulk =
            Bytes::from_static(br#"{"items":[{"index":{"_id":"a1","status":201}},{"index":{"_id":"b"}}]}"#);
        assert_eq!(
            first_item_again(bulk.clone()),
            r#"{"items":[{"index":{"_id":"a1","status":201}},{"index":{"_id":"b"}},{"index":{"_id":"a1","status":201}}]}"#
        );
        assert_eq!(
            items_reversed(bulk.clone()),
            r#"{"items":[{"index":{"_id":"b"}},{"index":{"_id":"a1","status":201}}]}"#
        );
        assert_eq!(
            ids_in_capitals(bulk.clone()),
            r#"{"items":[{"index":{"_id":"A1","status":201}},{"index":{"_id":"B"}}]}"#
        );
        assert_eq!(
            numbers_as_strings("status")(bulk.clone()),
            r#"{"items":[{"index":{"_id":"a1","status":"201"}},{"index":{"_id":"b"}}]}"#
        );
        assert_eq!(
            negative_numbers("status")(bulk.clone()),
            r#"{"items":[{"index":{"_id":"a1","status":-201}},{"index":{"_id":"b"}}]}"#
        );
        assert_eq!(&invalid_utf8_in_an_id(bulk)[..30], b"{\"items\":[{\"index\":{\"_id\":\"\xffa1");
        let hits = Bytes::from_static(br#"[{"_index":"i","a":1},{"_index":"i"}]"#);
        assert_eq!(hits_of_another_index(hits), r#"[{"_index":"others-i","a":1},{"_index":"others-i"}]"#);
    }
}
