//! Indices of several types, with parents and percolators, are read whole; only writing them is refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use esferry::cluster::Cluster;
use esferry::cluster::dialect::reading::Wanted;
use esferry::cluster::selection::Selection;
use esferry::config::ClusterConfig;
use esferry::plan::slice::{Cursor, SliceRange};
use esferry::plan::{Planner, Strategy};
use esferry::source::{PageSize, SliceReader, SourceIndex, Span};
use esferry_lab::data::action_line;
use esferry_lab::endpoint::escape;
use esferry_lab::reader::read_all;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::sides::Sides;

/// Type, id, routing.
type Place = (String, String, Option<String>);

const PERCOLATORS: u64 = 25;

fn family_body() -> Value {
    json!({
        "settings": {"number_of_shards": 3, "number_of_replicas": 0},
        "mappings": {
            "blog": {}, "note": {"properties": {"raw": {"type": "object", "enabled": false}}},
            "comment": {"_parent": {"type": "blog"}}, "reply": {"_parent": {"type": "comment"}}
        }
    })
}

/// Blogs with comments, which have replies, beside notes and percolator queries; ids that the types share.
async fn load_family(sides: &Sides) -> Result<String> {
    let index = sides.create(&sides.old, "from", &family_body()).await?;
    let mut lines = String::new();
    let mut add = |kind: &str, id: &str, parent: Option<&str>, routing: Option<&str>| {
        let mut meta = Map::new();
        for (name, value) in
            [("_type", Some(kind)), ("_id", Some(id)), ("parent", parent), ("routing", routing)]
        {
            meta.extend(value.map(|value| (name.to_owned(), json!(value))));
        }
        lines.push_str(&action_line("index", &meta));
        lines.push_str(&format!("{{\"of\":\"{kind}\"}}\n"));
    };
    for n in 0..60 {
        let blog = n.to_string();
        add("blog", &blog, None, None);
        add("note", &blog, None, (n % 3 == 0).then_some("r#1"));
        for c in 0..n % 4 {
            let comment = format!("{n}.{c}");
            add("comment", &comment, Some(&blog), None);
            add("reply", &comment, Some(&comment), Some(&blog));
        }
    }
    let answer = sides.old.send(Method::POST, &format!("/{index}/_bulk"), "", Bytes::from(lines)).await?;
    ensure!(answer.json()?.get("errors") == Some(&json!(false)), "the family is not loaded");
    for n in 0..PERCOLATORS {
        let path = format!("/{index}/.percolator/{}", escape(&format!("q#{n}")));
        sides.old.put(&path, &json!({"query": {"term": {"of": "blog"}}})).await?;
    }
    sides.old.refresh(&index).await?;
    Ok(index)
}

fn text(page: &[u8], span: Span) -> Result<String> {
    Ok(serde_json::from_slice(span.of(page))?)
}

/// Reads an index by its plan, and returns every document once for each time that it came.
async fn read_by_plan(url: &str, index: &str, docs: u64) -> Result<(Vec<Place>, usize)> {
    let config = ClusterConfig { urls: vec![url.to_owned()], ..ClusterConfig::default() };
    let cluster = Arc::new(Cluster::connect("old", &config).await?);
    let infos = cluster.indices().await?;
    let info = infos.iter().find(|info| info.name == index).context("the index is not there")?;
    let source = SourceIndex {
        cluster: cluster.clone(),
        wanted: Wanted::Documents { routing: true, parent: true },
        page_size: Arc::new(PageSize::new(6, 500)),
    };
    let planner = Planner {
        cluster: &cluster,
        index: info,
        ordinal: 0,
        strategy: &Strategy::Uid,
        only_types: &[],
        query: None,
        target: docs,
    };
    let (mut places, mut slices) = (Vec::new(), 0);
    for shard in 0..info.shards {
        let plan = planner.shard(shard).await?;
        for slice in plan.slices {
            slices += 1;
            let selection = Selection {
                index: index.to_owned(),
                shard: Some(shard),
                range: slice.range.clone(),
                query: None,
                types: Vec::new(),
            };
            let mut received = 0;
            let mut reader = SliceReader::new(source.clone(), selection, Cursor::Start);
            while let Some(next) = reader.next_page().await? {
                let page = next.page;
                received += page.hits.len() as u64;
                for hit in &page.hits {
                    let kind = text(&page.body, hit.doc_type.context("a document without its type")?)?;
                    let hidden = matches!(slice.range, SliceRange::HiddenType { .. });
                    ensure!(hidden == (kind == ".percolator"), "{kind} in {:?}", slice.range);
                    ensure!(hit.source.is_some(), "a document without its source");
                    let routing = hit.routing.map(|routing| text(&page.body, routing)).transpose()?;
                    places.push((kind, text(&page.body, hit.id)?, routing));
                }
            }
            ensure!(received == slice.expected_docs, "{received} documents in {slice:?}");
        }
    }
    Ok((places, slices))
}

#[tokio::test]
async fn types_parents_grandchildren_and_percolators_are_read_whole() {
    if !esferry_lab::wanted("an index of five types with parents, read by its plan") {
        return;
    }
    let sides = Sides::new("types-read").await.unwrap();
    let index = load_family(&sides).await.unwrap();
    let mut expected = BTreeSet::new();
    let searched = read_all(&sides.old, &index, |document| {
        let routing = document.routing.map(str::to_owned);
        expected.insert((document.kind.to_owned(), document.id.to_owned(), routing));
    });
    assert_eq!(searched.await.unwrap(), 300);
    assert!(expected.contains(&("reply".to_owned(), "7.2".to_owned(), Some("7".to_owned()))));
    // No search without a type sees these.
    expected.extend((0..PERCOLATORS).map(|n| (".percolator".to_owned(), format!("q#{n}"), None)));
    let (read, slices) = read_by_plan(sides.old.url(), &index, 15).await.unwrap();
    assert_eq!(read.len(), expected.len(), "no document comes twice");
    assert_eq!(read.into_iter().collect::<BTreeSet<_>>(), expected);
    assert!(slices > 20, "{slices} slices");
}

#[tokio::test]
async fn several_types_are_not_written_and_the_types_are_named() {
    if !esferry_lab::wanted("an index of five types is refused for 6.8") {
        return;
    }
    let sides = Sides::new("types-write").await.unwrap();
    load_family(&sides).await.unwrap();
    let daemon = sides.ferry("from", "to", "").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 2, "{log}");
    for name in ["5 types", "blog", "comment", "reply", "note", ".percolator"] {
        assert!(log.contains(name), "{name} is not in {log}");
    }
    assert!(sides.new.count(&sides.index("to")).await.is_err(), "nothing was made on the target");
}
