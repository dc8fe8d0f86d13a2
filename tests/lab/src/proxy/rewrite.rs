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
}
