//! Reads a page of hits without parsing what is inside the documents: every hit is a few spans of the page's bytes.
//!
//! A 1.x answer may be neither JSON nor UTF-8, since 1.x stores unquoted names, comments, raw control characters
//! and broken UTF-8 where it maps nothing (dialects 2.11). So this reads bytes, follows strings, brackets and
//! comments, and leaves the judgement of a document to the target.

use bytes::Bytes;

use super::scan::{PageError, Scan, Span};

/// One document of a page. Strings keep their quotes and escapes.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// `_index`.
    pub index: Option<Span>,
    /// `_id`.
    pub id: Span,
    /// `_type`, where the server has types.
    pub doc_type: Option<Span>,
    /// `_routing`, else `_parent`: what routed the document.
    pub routing: Option<Span>,
    /// `_parent`, the id alone.
    pub parent: Option<Span>,
    /// `_version`.
    pub version: Option<u64>,
    /// `_source`, byte for byte; `None` is fatal for a copy.
    pub source: Option<Span>,
}

/// A page of an answer to a search, scan or scroll.
#[derive(Debug, Clone)]
pub struct Page {
    /// The whole answer.
    pub body: Bytes,
    /// Its documents.
    pub hits: Vec<Hit>,
    /// The id that continues a scroll.
    pub scroll_id: Option<String>,
    /// `hits.total`; `None` when it is missing or not exact.
    pub total: Option<u64>,
    /// `_shards.total`, `.successful`, `.failed`.
    pub shards: Option<[i64; 3]>,
    /// `timed_out` is true.
    pub timed_out: bool,
    /// `terminated_early` is true.
    pub terminated_early: bool,
}

impl Page {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`PageError`] when it is cut, or no answer to a search at all.
    pub fn read(body: Bytes) -> Result<Self, PageError> {
        let mut page = Page {
            body: body.clone(),
            hits: Vec::new(),
            scroll_id: None,
            total: None,
            shards: None,
            timed_out: false,
            terminated_early: false,
        };
        let mut scan = Scan { bytes: &body, at: 0 };
        let mut whole = false;
        scan.object(|scan, key| match key {
            b"\"_scroll_id\"" => {
                let id = scan.string()?.of(scan.bytes);
                page.scroll_id = serde_json::from_slice(id).ok();
                Ok(())
            }
            b"\"_shards\"" => {
                let mut shards = [i64::MIN; 3];
                scan.object(|scan, key| {
                    let slot = match key {
                        b"\"total\"" => 0,
                        b"\"successful\"" => 1,
                        b"\"failed\"" => 2,
                        _ => return scan.value().map(drop),
                    };
                    shards[slot] = scan.integer()?;
                    Ok(())
                })?;
                page.shards = (!shards.contains(&i64::MIN)).then_some(shards);
                Ok(())
            }
            b"\"timed_out\"" => {
                page.timed_out = scan.truth()?;
                Ok(())
            }
            b"\"terminated_early\"" => {
                page.terminated_early = scan.truth()?;
                Ok(())
            }
            b"\"hits\"" => {
                whole = true;
                scan.object(|scan, key| match key {
                    b"\"total\"" => {
                        page.total = scan.total()?;
                        Ok(())
                    }
                    b"\"hits\"" => scan.array(|scan| {
                        page.hits.push(scan.hit()?);
                        Ok(())
                    }),
                    _ => scan.value().map(drop),
                })
            }
            _ => scan.value().map(drop),
        })?;
        if !whole {
            return Err(PageError { at: 0, expected: "hits" });
        }
        Ok(page)
    }
}

impl Scan<'_> {
    fn hit(&mut self) -> Result<Hit, PageError> {
        let mut id = None;
        let mut hit = Hit {
            index: None,
            id: Span::default(),
            doc_type: None,
            routing: None,
            parent: None,
            version: None,
            source: None,
        };
        self.object(|scan, key| {
            match key {
                b"\"_index\"" => hit.index = Some(scan.string()?),
                b"\"_id\"" => id = Some(scan.text()?),
                b"\"_type\"" => hit.doc_type = Some(scan.text()?),
                b"\"_routing\"" => hit.routing = Some(scan.text()?),
                b"\"_parent\"" => hit.parent = Some(scan.text()?),
                b"\"_version\"" => hit.version = Some(scan.number()?),
                b"\"_source\"" => hit.source = Some(scan.value()?),
                b"\"fields\"" => scan.object(|scan, key| {
                    match key {
                        b"\"_routing\"" => hit.routing = Some(scan.text()?),
                        b"\"_parent\"" => hit.parent = Some(scan.text()?),
                        _ => drop(scan.value()?),
                    }
                    Ok(())
                })?,
                _ => drop(scan.value()?),
            }
            Ok(())
        })?;
        hit.routing = hit.routing.or(hit.parent);
        match id {
            Some(id) => Ok(Hit { id, ..hit }),
            None => self.fail("an _id in the hit"),
        }
    }

    fn total(&mut self) -> Result<Option<u64>, PageError> {
        if self.peek() != Some(b'{') {
            return Ok(Some(self.number()?));
        }
        let (mut value, mut exact) = (None, false);
        self.object(|scan, key| {
            match key {
                b"\"value\"" => value = Some(scan.number()?),
                b"\"relation\"" => exact = scan.string()?.of(scan.bytes) == b"\"eq\"",
                _ => drop(scan.value()?),
            }
            Ok(())
        })?;
        Ok(value.filter(|_| exact))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(page: &Page, span: Span) -> String {
        String::from_utf8_lossy(span.of(&page.body)).into_owned()
    }

    #[test]
    fn a_page_of_1_7_is_read_with_its_fields() {
        let body = br#"{"_scroll_id":"c2Nhbjs=","took":3,"timed_out":false,"_shards":{"total":1,"successful":1,"failed":0},"hits":{"total":2,"max_score":0.0,"hits":[{"_index":"a","_type":"t","_id":"x\"y","_version":7,"_score":0.0,"_source":{ "a" : "}\\\"" , "b":[1.10,{}]},"fields":{"_routing":"r","_parent":"p"}},{"_index":"a","_type":"t","_id":"z","_version":1,"_score":0.0,"_source":{},"fields":{"_parent":"p"}}]}}"#;
        let page = Page::read(Bytes::from_static(body)).unwrap();
        assert_eq!((page.total, page.shards, page.timed_out), (Some(2), Some([1, 1, 0]), false));
        assert_eq!(page.scroll_id.as_deref(), Some("c2Nhbjs="));
        let hit = page.hits[0];
        assert_eq!(text(&page, hit.id), r#""x\"y""#);
        assert_eq!(text(&page, hit.source.unwrap()), r#"{ "a" : "}\\\"" , "b":[1.10,{}]}"#);
        assert_eq!((hit.version, text(&page, hit.routing.unwrap())), (Some(7), "\"r\"".to_owned()));
        assert_eq!(text(&page, page.hits[1].routing.unwrap()), "\"p\"");
    }

    #[test]
    fn documents_that_are_no_json_keep_their_bytes_and_their_neighbours() {
        let mut body = b"{\"_shards\":{\"total\":1,\"successful\":1,\"failed\":0},\"hits\":{\"total\":2,\"hits\":[{\"_id\":\"1\",\"_source\":{a:1 /* \" } */, \"b\":\"\xff\x01\", // it's }\n\"c\":1}},".to_vec();
        body.extend_from_slice(b"{\"_id\":\"2\",\"_source\":{}}]}}");
        let page = Page::read(Bytes::from(body)).unwrap();
        assert_eq!(page.hits.len(), 2);
        assert_eq!(
            page.hits[0].source.unwrap().of(&page.body),
            b"{a:1 /* \" } */, \"b\":\"\xff\x01\", // it's }\n\"c\":1}"
        );
    }

    #[test]
    fn totals_of_7_count_only_when_they_are_exact() {
        let of = |relation: &str| {
            let body = json!({"hits": {"total": {"value": 5, "relation": relation}, "hits": []}});
            Page::read(Bytes::from(body.to_string())).unwrap().total
        };
        assert_eq!((of("eq"), of("gte")), (Some(5), None));
    }

    fn told(body: &[u8]) -> String {
        Page::read(Bytes::copy_from_slice(body)).unwrap_err().to_string()
    }

    fn refused(hit: &[u8], total: &str) -> String {
        told(&[b"{\"hits\":{\"total\":", total.as_bytes(), b",\"hits\":[", hit, b"]}}"].concat())
    }

    #[test]
    fn numbers_that_count_nothing_and_ids_that_are_no_text_are_refused_with_their_place() {
        let good = br#"{"_id":"1","_version":3,"_source":{}}"#;
        insta::assert_snapshot!(refused(good, "\"1\""), @"the page cannot be read at byte 17: expected a whole number");
        insta::assert_snapshot!(refused(good, "-1"), @"the page cannot be read at byte 17: expected a number that is not negative");
        insta::assert_snapshot!(refused(br#"{"_id":"1","_version":"3"}"#, "1"), @"the page cannot be read at byte 49: expected a whole number");
        insta::assert_snapshot!(refused(br#"{"_id":"1","_version":-1}"#, "1"), @"the page cannot be read at byte 49: expected a number that is not negative");
        insta::assert_snapshot!(refused(br#"{"_id":7}"#, "1"), @"the page cannot be read at byte 34: expected a string");
        insta::assert_snapshot!(told(br#"{"timed_out":"true","hits":{"hits":[]}}"#), @"the page cannot be read at byte 13: expected true or false");
        for id in [&b"a\xffb"[..], b"a\nb", b"a\x01", b"\\ud800", b"\\q"] {
            let hit = [b"{\"_id\":\"", id, b"\",\"_source\":{}}"].concat();
            assert_eq!(
                refused(&hit, "1"),
                "the page cannot be read at byte 34: expected text in UTF-8",
                "{id:?}"
            );
        }
        for id in ["é", "\\u00e9", "a\\\"b", "\u{7f}", "\\ud83d\\ude00"] {
            let body = format!(r#"{{"hits":{{"total":1,"hits":[{{"_id":"{id}","_routing":"{id}"}}]}}}}"#);
            assert_eq!(Page::read(Bytes::from(body)).unwrap().hits.len(), 1, "{id}");
        }
    }

    fn document() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(|value| json!(value)),
            any::<i64>().prop_map(|value| json!(value)),
            ".{0,12}".prop_map(|value| json!(value)),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(|values| json!(values)),
                prop::collection::btree_map(".{0,6}", inner, 0..5).prop_map(|members| json!(members)),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_document_comes_out_as_it_went_in(sources in prop::collection::vec(document(), 0..6), pretty: bool) {
            let sources: Vec<String> = sources.iter().map(|source| {
                let source = json!({"d": source});
                if pretty { serde_json::to_string_pretty(&source).unwrap() } else { source.to_string() }
            }).collect();
            let hits: Vec<String> = sources.iter().enumerate().map(|(n, source)| format!(r#"{{"_id":"{n}","_source":{source}}}"#)).collect();
            let body = format!(r#"{{"hits":{{"total":{},"hits":[{}]}}}}"#, hits.len(), hits.join(","));
            let page = Page::read(Bytes::from(body)).unwrap();
            let read: Vec<String> = page.hits.iter().map(|hit| text(&page, hit.source.unwrap())).collect();
            prop_assert_eq!(read, sources);
        }

        #[test]
        fn a_page_cut_anywhere_is_an_error_and_nothing_panics(cut in 0_usize..100, noise in prop::collection::vec(any::<u8>(), 0..60)) {
            let body = br#"{"_shards":{"total":1,"successful":1,"failed":0},"hits":{"total":1,"hits":[{"_id":"1","_source":{"a":1}}]}}"#;
            prop_assert!(Page::read(Bytes::copy_from_slice(&body[..cut])).is_err());
            let _ = Page::read(Bytes::from(noise));
        }
    }
}
