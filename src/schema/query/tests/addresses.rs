//! The path of a search: names of indices, and types.

use serde_json::{Value, json};

use super::super::{
    Address, Context, IndexNames, Planned, RewrittenSearch, Search, TypesBecame, rewrite_whole,
};
use super::plain;

fn search(path: &str, body: Value) -> Search {
    let names =
        |list: Option<&str>| list.map_or_else(Vec::new, |list| list.split(',').map(str::to_owned).collect());
    let mut parts = path.split('/');
    let address = Address { indices: names(parts.next()), types: names(parts.next()) };
    Search { address, parameters: Vec::new(), body }
}

fn context(template: &str, types: TypesBecame) -> Context {
    let indices = IndexNames { patterns: vec!["alerts*".to_owned()], template: template.to_owned() };
    Context { indices, types, ..plain() }
}

fn planned() -> [Planned; 3] {
    [
        ("alerts-1", "alert", "a-alerts-1"),
        ("alerts-1", "memo", "m-alerts-1"),
        ("alerts-2", "alert", "a-alerts-2"),
    ]
    .map(|(source, kind, target)| Planned {
        source: source.to_owned(),
        types: vec![kind.to_owned()],
        target: target.to_owned(),
    })
}

fn refusals(rewritten: &RewrittenSearch) -> Vec<&str> {
    rewritten.rewritten.refused.iter().map(|refused| refused.what.as_str()).collect()
}

fn rules(rewritten: &RewrittenSearch) -> Vec<&str> {
    rewritten.rewritten.report.changes.iter().map(|change| change.rule).collect()
}

#[test]
fn indices_of_a_path_get_their_new_names() {
    let context = context("{index}-v2", TypesBecame::Dropped);
    let new = |path: &str| rewrite_whole(&search(path, json!({})), &[], &context);
    let one = new("alerts-1/alert");
    assert_eq!(
        (one.search.address.indices.as_slice(), rules(&one)),
        (&["alerts-1-v2".to_owned()][..], vec!["index_renamed"])
    );
    assert_eq!(new("alerts-*,-alerts-3").search.address.indices, ["alerts-*-v2", "-alerts-3-v2"]);
    // An alias goes with its indices.
    let alias = new("open");
    assert_eq!(
        (alias.search.address.indices.as_slice(), rules(&alias)),
        (&["open".to_owned()][..], vec!["index_elsewhere"])
    );
}

#[test]
fn a_search_of_every_index_is_refused_unless_the_migration_reads_every_one() {
    let mut context = context("{index}", TypesBecame::Dropped);
    let every = Search { address: Address::default(), parameters: Vec::new(), body: Value::Null };
    for search in [&every, &search("_all", Value::Null)] {
        assert_eq!(refusals(&rewrite_whole(search, &[], &context)), ["every_index"]);
    }
    context.indices.patterns = vec!["*".to_owned()];
    let all = rewrite_whole(&every, &[], &context);
    assert_eq!(
        (all.search.address.indices.as_slice(), all.search.body),
        (&["*".to_owned()][..], Value::Null)
    );
}

#[test]
fn types_of_a_path_become_a_term_where_they_share_an_index() {
    let types = TypesBecame::Field { name: "kind".to_owned(), prefix_ids: true };
    let context = context("{index}", types);
    let new = rewrite_whole(&search("alerts/alert,memo", json!({"size": 3})), &[], &context);
    assert_eq!(
        new.search.body,
        json!({"size": 3, "query": {"bool": {"must": [{"match_all": {}}], "filter": [{"terms": {"kind": ["alert", "memo"]}}]}}})
    );
    assert_eq!(rules(&new), ["type_filter"]);
    let everywhere = json!({"aggs": {"all": {"global": {}}}});
    assert_eq!(
        refusals(&rewrite_whole(&search("alerts/alert", everywhere), &[], &context)),
        ["type_pattern"]
    );
    assert_eq!(refusals(&rewrite_whole(&search("alerts/al*", json!({})), &[], &context)), ["type_pattern"]);
    assert_eq!(rewrite_whole(&search("alerts/_all", json!({})), &[], &context).search.body, json!({}));
}

#[test]
fn types_of_a_path_name_indices_where_each_has_its_own() {
    let template = "{type}-{index}".to_owned();
    let context = context("{type}-{index}", TypesBecame::Index { template });
    let indices = |path: &str, planned: &[Planned]| {
        let new = rewrite_whole(&search(path, json!({})), planned, &context);
        assert!(refusals(&new).is_empty(), "{path}: {:?}", new.rewritten.refused);
        new.search.address.indices
    };
    assert_eq!(indices("alerts-1/alert,memo", &[]), ["alert-alerts-1", "memo-alerts-1"]);
    assert_eq!(indices("alerts-1", &planned()), ["a-alerts-1", "m-alerts-1"]);
    assert_eq!(indices("alerts-*/alert", &planned()), ["a-alerts-1", "a-alerts-2"]);
    for path in ["alerts-1", "alerts-*"] {
        assert_eq!(
            refusals(&rewrite_whole(&search(path, json!({})), &[], &context)),
            ["type_is_an_index"],
            "{path}"
        );
    }
}
