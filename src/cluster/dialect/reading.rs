//! Requests that read: opening a snapshot, its next pages, windows of sequence numbers, counts.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{BulkType, Dialect, HitMetadata, Opening, ScrollId};
use crate::cluster::held::{Asked, question};
use crate::cluster::path::encode;
use crate::cluster::selection::{FieldPart, FieldValue, HalfOpen, Selection, SliceRange};
use crate::cluster::transport::{Body, Request};

/// How long a source keeps a snapshot between two pages; far above what a page takes, and no more, since every
/// open snapshot keeps deleted segments on the source's disk.
pub const KEEP_ALIVE: &str = "5m";

/// What is asked of each hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// `_source`, version, and the metadata fields that the mapping stores (1.x parses every `_source` when asked
    /// for one that is not stored, dialects 2.10).
    Documents {
        /// `_routing` is stored.
        routing: bool,
        /// `_parent` is stored.
        parent: bool,
    },
    /// The same without `_source`.
    Keys {
        /// `_routing` is stored.
        routing: bool,
        /// `_parent` is stored.
        parent: bool,
    },
    /// Ids alone.
    Ids,
}

impl Wanted {
    /// The same without `_source`.
    #[must_use]
    pub fn without_source(self) -> Wanted {
        match self {
            Wanted::Documents { routing, parent } => Wanted::Keys { routing, parent },
            other => other,
        }
    }

    /// What to ask for by name where nothing comes unasked.
    fn fields(self) -> Vec<&'static str> {
        let (source, routing, parent) = match self {
            Wanted::Documents { routing, parent } => (true, routing, parent),
            Wanted::Keys { routing, parent } => (false, routing, parent),
            Wanted::Ids => (false, false, false),
        };
        let named = [(source, "_source"), (routing, "_routing"), (parent, "_parent")];
        named.into_iter().filter_map(|(wanted, name)| wanted.then_some(name)).collect()
    }
}

impl Dialect {
    /// The documents of an index whose types, with their mappings, are these: asked for what every one of them stores.
    #[must_use]
    pub fn documents_of(&self, types: &[(String, Value)]) -> Wanted {
        let stored =
            |name: &str| !types.is_empty() && types.iter().all(|(_, mapping)| self.stores(mapping, name));
        Wanted::Documents { routing: stored("_routing"), parent: stored("_parent") }
    }

    /// Opens a snapshot of the selection, `size` documents a page.
    #[must_use]
    pub fn open(&self, selection: &Selection, size: u32, wanted: Wanted) -> Request {
        let size = size.min(self.max_page);
        let mut path = format!("{}/_search?scroll={KEEP_ALIVE}&version=true", target(selection));
        if self.opening == Opening::Scan {
            path.push_str("&search_type=scan");
        }
        self.narrow(&mut path, selection);
        let mut body = self.search_body(selection, size, wanted);
        if self.opening == Opening::Scroll {
            body.insert("sort".to_owned(), json!(["_doc"]));
        }
        if let SliceRange::Part { slice, of } = selection.range
            && of > 1
        {
            body.insert("slice".to_owned(), json!({"id": slice, "max": of}));
        }
        Request::json(Method::POST, path, &Value::Object(body))
    }

    /// The next page of a snapshot. Never sent twice: the server has moved on (dialects 3.2, rule 7).
    #[must_use]
    pub fn next_page(&self, scroll_id: &str) -> Request {
        let path = format!("/_search/scroll?scroll={KEEP_ALIVE}");
        match self.scroll_id {
            ScrollId::RawBody => Request {
                method: Method::POST,
                path,
                body: Some(Body::Text(Bytes::copy_from_slice(scroll_id.as_bytes()))),
            },
            ScrollId::Json => {
                let body = json!({"scroll": KEEP_ALIVE, "scroll_id": scroll_id});
                Request::json(Method::POST, "/_search/scroll", &body)
            }
        }
    }

    /// Frees a snapshot. A 404 is normal where it ended by itself.
    #[must_use]
    pub fn clear(&self, scroll_id: &str) -> Request {
        match self.scroll_id {
            ScrollId::RawBody => Request {
                method: Method::DELETE,
                path: "/_search/scroll".to_owned(),
                body: Some(Body::Text(Bytes::copy_from_slice(scroll_id.as_bytes()))),
            },
            ScrollId::Json => {
                Request::json(Method::DELETE, "/_search/scroll", &json!({"scroll_id": [scroll_id]}))
            }
        }
    }

    /// One plain search, sorted by index order: a window of sequence numbers, a sample, a total.
    #[must_use]
    pub fn search(&self, selection: &Selection, size: u32, wanted: Wanted) -> Request {
        let mut path = format!("{}/_search?version=true", target(selection));
        self.narrow(&mut path, selection);
        let mut body = self.search_body(selection, size, wanted);
        body.insert("sort".to_owned(), json!(["_doc"]));
        if self.total_is_object {
            body.insert("track_total_hits".to_owned(), json!(true));
        }
        Request::json(Method::POST, path, &Value::Object(body))
    }

    /// Documents by their ids, in real time. [`Wanted::Keys`] is understood from 5.0 on.
    #[must_use]
    pub fn get_many_of(&self, index: &str, asked: &[Asked<'_>], wanted: Wanted) -> Request {
        let more = match wanted {
            Wanted::Ids => Some(("_source", json!(false))),
            // Without `_source` 6.8 leaves `_routing` out too, unless it is asked for (measured). 5.0 brought the name.
            Wanted::Keys { .. } => Some(("stored_fields", json!(wanted.fields()))),
            Wanted::Documents { .. } if self.hit_metadata == HitMetadata::Fields => {
                Some(("fields", json!(wanted.fields())))
            }
            Wanted::Documents { .. } => None,
        };
        let untyped = asked.iter().all(|asked| asked.doc_type.is_none());
        let level = if untyped && self.bulk_type != BulkType::Untyped { "/_all" } else { "" };
        let docs: Vec<Value> = asked.iter().map(|asked| question(asked, more.clone())).collect();
        Request::json(Method::POST, format!("/{}{level}/_mget", encode(index)), &json!({"docs": docs}))
    }

    /// Counts the selection.
    #[must_use]
    pub fn count(&self, selection: &Selection) -> Request {
        let mut path = format!("{}/_count", target(selection));
        if let Some(shard) = selection.shard {
            path.push_str(&format!("?preference=_shards:{shard}{}", self.primary));
        }
        Request::json(Method::POST, path, &json!({"query": self.query(selection)}))
    }

    /// Lowest and highest value of a numeric or date field. The values are doubles: hints, never closed bounds.
    #[must_use]
    pub fn field_bounds(&self, selection: &Selection, field: &str) -> Request {
        let mut path = format!("{}/_search?size=0", target(selection));
        self.narrow(&mut path, selection);
        let body = json!({
            "query": self.query(selection),
            "aggs": {"low": {"min": {"field": field}}, "high": {"max": {"field": field}}}
        });
        Request::json(Method::POST, path, &body)
    }

    fn narrow(&self, path: &mut String, selection: &Selection) {
        if let Some(shard) = selection.shard {
            path.push_str(&format!("&preference=_shards:{shard}{}", self.primary));
        }
        if self.refuses_partial {
            path.push_str("&allow_partial_search_results=false");
        }
    }

    fn search_body(&self, selection: &Selection, size: u32, wanted: Wanted) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("size".to_owned(), json!(size));
        match wanted {
            _ if self.hit_metadata == HitMetadata::Fields => {
                body.insert("fields".to_owned(), json!(wanted.fields()));
            }
            Wanted::Ids | Wanted::Keys { .. } => {
                body.insert("_source".to_owned(), json!(false));
            }
            Wanted::Documents { .. } => {}
        }
        body.insert("query".to_owned(), self.query(selection));
        body
    }

    /// The query of a selection. `constant_score.filter` is understood from 1.0 to 9.x (dialects 2.8).
    #[must_use]
    pub fn query(&self, selection: &Selection) -> Value {
        match (self.filter(&selection.range), &selection.query) {
            (None, None) => json!({"match_all": {}}),
            (None, Some(query)) => query.clone(),
            (Some(filter), None) => json!({"constant_score": {"filter": filter}}),
            (Some(filter), Some(query)) if self.bool_filter => {
                json!({"bool": {"filter": [filter, query]}})
            }
            (Some(filter), Some(query)) => json!({"filtered": {"query": query, "filter": filter}}),
        }
    }

    fn filter(&self, range: &SliceRange) -> Option<Value> {
        match range {
            SliceRange::Part { .. } | SliceRange::HiddenType { .. } => None,
            SliceRange::Uid(range) => self.range("_uid", range, |uid| json!(uid), None),
            SliceRange::SeqNo(range) => self.range("_seq_no", range, |seq_no| json!(seq_no), None),
            SliceRange::Field { name, part: FieldPart::Range(range) } => {
                // Both ends open still means "has a value": the rest is a slice of its own.
                Some(self.field_range(name, range).unwrap_or_else(|| json!({"exists": {"field": name}})))
            }
            SliceRange::Field { name, part: FieldPart::Rest(ranges) } => {
                let outside: Vec<Value> =
                    ranges.iter().filter_map(|range| self.field_range(name, range)).collect();
                Some(json!({"bool": {"must_not": outside}}))
            }
        }
    }

    fn field_range(&self, field: &str, range: &HalfOpen<FieldValue>) -> Option<Value> {
        let is_date = matches!(range.from.as_ref().or(range.to.as_ref()), Some(FieldValue::Millis { .. }));
        self.range(field, range, field_value, (is_date && self.date_formats).then_some("epoch_millis"))
    }

    fn range<T>(
        &self,
        field: &str,
        range: &HalfOpen<T>,
        write: impl Fn(&T) -> Value,
        format: Option<&str>,
    ) -> Option<Value> {
        if range.from.is_none() && range.to.is_none() {
            return None;
        }
        let mut bounds = Map::new();
        if let Some(from) = &range.from {
            bounds.insert("gte".to_owned(), write(from));
        }
        if let Some(to) = &range.to {
            bounds.insert("lt".to_owned(), write(to));
        }
        bounds.extend(format.map(|format| ("format".to_owned(), json!(format))));
        let mut inner = Map::new();
        inner.insert(field.to_owned(), Value::Object(bounds));
        if self.uncached_ranges {
            inner.insert("_cache".to_owned(), json!(false));
        }
        Some(json!({"range": inner}))
    }
}

fn field_value(value: &FieldValue) -> Value {
    match value {
        FieldValue::Millis { millis: number } | FieldValue::Integer(number) => json!(number),
        FieldValue::Float(number) => json!(number),
        FieldValue::Text(text) => json!(text),
    }
}

/// `/index`, or `/index/type,type` for some types, or for documents that no search sees otherwise.
fn target(selection: &Selection) -> String {
    let index = encode(&selection.index);
    match &selection.range {
        SliceRange::HiddenType { doc_type } => format!("/{index}/{}", encode(doc_type)),
        _ if selection.types.is_empty() => format!("/{index}"),
        _ => {
            let types: Vec<String> = selection.types.iter().map(|name| encode(name)).collect();
            format!("/{index}/{}", types.join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::dialect::{Distribution, Version};

    fn dialect(major: u32, minor: u32) -> Dialect {
        Dialect::of(Version::new(major, minor, 0), Distribution::Elasticsearch).unwrap()
    }

    fn show(request: &Request) -> String {
        let body = match &request.body {
            Some(Body::Json(bytes) | Body::Text(bytes) | Body::Ndjson(bytes)) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            None => String::new(),
        };
        format!("{} {} {body}", request.method, request.path)
    }

    fn uid_slice(query: Option<Value>) -> Selection {
        let range =
            SliceRange::Uid(HalfOpen { from: Some("alert#54".to_owned()), to: Some("alert#6".to_owned()) });
        Selection { index: "alerts".to_owned(), shard: Some(2), range, query, types: Vec::new() }
    }

    #[test]
    fn a_scan_of_1x_names_its_stored_fields_and_keeps_the_range_out_of_the_cache() {
        let request =
            dialect(1, 7).open(&uid_slice(None), 2000, Wanted::Documents { routing: true, parent: false });
        insta::assert_snapshot!(show(&request), @r#"POST /alerts/_search?scroll=5m&version=true&search_type=scan&preference=_shards:2%3B_primary {"size":2000,"fields":["_source","_routing"],"query":{"constant_score":{"filter":{"range":{"_uid":{"gte":"alert#54","lt":"alert#6"},"_cache":false}}}}}"#);
    }

    #[test]
    fn the_operators_query_is_combined_in_each_generations_words() {
        let query = json!({"term": {"a": 1}});
        let all = dialect(6, 8).count(&Selection::all("x", Some(&query)));
        insta::assert_snapshot!(show(&all), @r#"POST /x/_count {"query":{"term":{"a":1}}}"#);
        let old = dialect(1, 7).count(&uid_slice(Some(query)));
        insta::assert_snapshot!(show(&old), @r#"POST /alerts/_count?preference=_shards:2%3B_primary {"query":{"filtered":{"query":{"term":{"a":1}},"filter":{"range":{"_uid":{"gte":"alert#54","lt":"alert#6"},"_cache":false}}}}}"#);
    }

    #[test]
    fn types_stand_in_the_url() {
        let some = Selection::all("x", None).of_types(&["a".to_owned(), "b/c".to_owned()]);
        insta::assert_snapshot!(show(&dialect(1, 7).count(&some)), @r#"POST /x/a,b%2Fc/_count {"query":{"match_all":{}}}"#);
    }

    #[test]
    fn a_window_of_sequence_numbers_is_one_plain_search() {
        let range = SliceRange::SeqNo(HalfOpen { from: Some(10), to: None });
        let window =
            Selection { index: "x".to_owned(), shard: Some(0), range, query: None, types: Vec::new() };
        let request = dialect(6, 8).search(&window, 500, Wanted::Documents { routing: false, parent: false });
        insta::assert_snapshot!(show(&request), @r#"POST /x/_search?version=true&preference=_shards:0%7C_primary&allow_partial_search_results=false {"size":500,"query":{"constant_score":{"filter":{"range":{"_seq_no":{"gte":10}}}}},"sort":["_doc"]}"#);
    }

    #[test]
    fn the_rest_of_a_field_is_the_negation_of_the_ranges() {
        let cut = FieldValue::Integer(5);
        let ranges =
            vec![HalfOpen { from: None, to: Some(cut.clone()) }, HalfOpen { from: Some(cut), to: None }];
        let range = SliceRange::Field { name: "n".to_owned(), part: FieldPart::Rest(ranges) };
        let rest = Selection { index: "x".to_owned(), shard: None, range, query: None, types: Vec::new() };
        insta::assert_snapshot!(show(&dialect(5, 6).count(&rest)), @r#"POST /x/_count {"query":{"constant_score":{"filter":{"bool":{"must_not":[{"range":{"n":{"lt":5}}},{"range":{"n":{"gte":5}}}]}}}}}"#);
    }

    #[test]
    fn dates_are_milliseconds_whatever_the_mapping_says() {
        let range = HalfOpen { from: Some(FieldValue::Millis { millis: 5 }), to: None };
        let range = SliceRange::Field { name: "at".to_owned(), part: FieldPart::Range(range) };
        let dates = Selection { index: "x".to_owned(), shard: None, range, query: None, types: Vec::new() };
        insta::assert_snapshot!(show(&dialect(5, 6).count(&dates)), @r#"POST /x/_count {"query":{"constant_score":{"filter":{"range":{"at":{"gte":5,"format":"epoch_millis"}}}}}}"#);
        insta::assert_snapshot!(show(&dialect(1, 7).count(&dates)), @r#"POST /x/_count {"query":{"constant_score":{"filter":{"range":{"at":{"gte":5},"_cache":false}}}}}"#);
    }

    #[test]
    fn scroll_ids_go_back_as_each_generation_reads_them() {
        insta::assert_snapshot!(show(&dialect(1, 7).next_page("c2Nhbg==")), @"POST /_search/scroll?scroll=5m c2Nhbg==");
        insta::assert_snapshot!(show(&dialect(6, 8).next_page("abc")), @r#"POST /_search/scroll {"scroll":"5m","scroll_id":"abc"}"#);
    }
}
