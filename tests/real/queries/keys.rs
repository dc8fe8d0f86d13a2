//! The searches of the well-known article on moving from 1.7 to 6.8: tags by name and value, and by value alone.

use esferry::schema::query::{Context, FieldMap, KeyValueFields};
use esferry_lab::data::Document;
use serde_json::{Map, Value, json};

use super::{between, same};
use crate::sides::Sides;

const PEOPLE: [&[(&str, &str)]; 5] = [
    &[("name", "John"), ("lname", "Smith")],
    &[("name", "Dor"), ("lname", "Sever")],
    &[("name", "AnotherName"), ("lname", "AnotherLastName")],
    &[("Alice", "White")],
    &[("first.name", "Dor"), ("age", "30")],
];

fn tags() -> Context {
    let fields = KeyValueFields {
        field: "actions.tags".to_owned(),
        into: "actions.tags".to_owned(),
        key_value: "keyToValue".to_owned(),
        value: "value".to_owned(),
        separator: ":".to_owned(),
    };
    Context { fields: FieldMap { key_value: vec![fields], ..FieldMap::default() }, ..between() }
}

fn people(tags: impl Fn(&[(&str, &str)]) -> Value) -> Vec<Document> {
    let document = |(id, person): (usize, &&[(&str, &str)])| {
        Document::new((id + 1).to_string(), json!({"actions": {"tags": tags(person)}}).to_string())
    };
    PEOPLE.iter().enumerate().map(document).collect()
}

async fn load(sides: &Sides) -> anyhow::Result<()> {
    let template = json!({"tags": {"path_match": "actions.tags.*", "mapping": {"type": "string"}}});
    let old = json!({"mappings": {"thing": {"dynamic_templates": [template]}}});
    let keyword = json!({"type": "keyword"});
    let pair = json!({"properties": {"keyToValue": keyword, "value": keyword}});
    let new = json!({"mappings": {"_doc": {"properties": {"actions": {"properties": {"tags": pair}}}}}});
    sides.create(&sides.old, "from", &old).await?;
    sides.create(&sides.new, "to", &new).await?;
    let object = |person: &[(&str, &str)]| {
        person.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect::<Map<_, _>>().into()
    };
    let pairs = |person: &[(&str, &str)]| {
        person
            .iter()
            .map(|(key, value)| json!({"keyToValue": format!("{key}:{value}"), "value": value}))
            .collect::<Value>()
    };
    sides.load(&sides.old, "from", people(object)).await?;
    sides.load(&sides.new, "to", people(pairs)).await?;
    Ok(())
}

#[tokio::test]
async fn searches_for_tags_find_the_same_people() {
    if !esferry_lab::wanted("searches for tags that became keys and values") {
        return;
    }
    let sides = Sides::new("query-tags").await.unwrap();
    load(&sides).await.unwrap();
    let searches: [(Value, &[&str]); 16] = [
        (json!({"query": {"match": {"actions.tags.name": {"query": "John"}}}}), &["1"]),
        (json!({"query": {"match": {"actions.tags.lname": {"query": "John"}}}}), &[]),
        (json!({"query": {"query_string": {"fields": ["actions.tags.*"], "query": "Dor"}}}), &["2", "5"]),
        (json!({"query": {"bool": {"must": [{"match": {"actions.tags.Alice": "White"}}]}}}), &["4"]),
        (
            json!({"query": {"bool": {"must": [{"multi_match": {"fields": ["actions.tags.*"], "query": "White"}}]}}}),
            &["4"],
        ),
        (json!({"query": {"match": {"actions.tags.first.name": "Dor"}}}), &["5"]),
        (json!({"query": {"match_phrase": {"actions.tags.lname": "Sever"}}}), &["2"]),
        (json!({"query": {"term": {"actions.tags.age": "30"}}}), &["5"]),
        (json!({"query": {"terms": {"actions.tags.age": ["30", "31"]}}}), &["5"]),
        (
            json!({"query": {"filtered": {"filter": {"exists": {"field": "actions.tags.name"}}}}}),
            &["1", "2", "3"],
        ),
        (
            json!({"query": {"filtered": {"filter": {"missing": {"field": "actions.tags.name"}}}}}),
            &["4", "5"],
        ),
        (
            json!({"query": {"filtered": {"filter": {"exists": {"field": "actions.tags"}}}}}),
            &["1", "2", "3", "4", "5"],
        ),
        (json!({"query": {"prefix": {"actions.tags.age": "3"}}}), &["5"]),
        (json!({"query": {"wildcard": {"actions.tags.age": "?0"}}}), &["5"]),
        (json!({"query": {"regexp": {"actions.tags.age": "[0-9]{2}"}}}), &["5"]),
        (
            json!({"query": {"filtered": {"filter": {"not": {"query": {"match": {"actions.tags.name": "Dor"}}}}}}}),
            &["1", "3", "4", "5"],
        ),
    ];
    for (body, expected) in searches {
        let answer = same(&sides, &tags(), &body).await.unwrap();
        let mut ids = answer.ids;
        ids.sort();
        assert_eq!(ids, expected, "{body}");
    }
}

#[tokio::test]
async fn buckets_of_a_tag_carry_its_name_in_front() {
    if !esferry_lab::wanted("buckets of a tag that became keys and values") {
        return;
    }
    let sides = Sides::new("query-tag-buckets").await.unwrap();
    load(&sides).await.unwrap();
    let body = json!({"size": 0, "aggs": {"names": {"terms": {"field": "actions.tags.first.name"}}}});
    let rewritten = esferry::schema::query::rewrite_search(&body, &tags());
    let index = sides.index("to");
    let answer = sides.new.post(&format!("/{index}/_search"), &rewritten.body).await.unwrap();
    assert_eq!(
        answer["aggregations"]["names"]["buckets"],
        json!([{"key": "first.name:Dor", "doc_count": 1}])
    );
}
