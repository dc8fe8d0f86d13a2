//! Converts aliases and warmers, which belong to an index without being part of its mapping or settings.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::query::{Context, rewrite_filter_in};
use super::report::Report;
use super::rule::{Part, Place};
use super::rules::{At, Rules};
use crate::cluster::dialect::Version;

/// The `aliases` of the create-index body: the same names and routings, filters rewritten.
///
/// No rule is needed but for filters: `index_routing` and `search_routing` are spelt the same in every version, and
/// 6.8 still takes `indexRouting` (measured).
#[must_use]
pub fn convert_aliases(aliases: &BTreeMap<String, Value>, context: &Context, report: &mut Report) -> Value {
    let converted = aliases.iter().map(|(name, alias)| {
        let mut alias = alias.clone();
        if let Some(filter) = alias.get_mut("filter") {
            *filter = rewrite_filter_in(filter, context, &format!("aliases.{name}.filter"), report);
        }
        (name.clone(), alias)
    });
    Value::Object(converted.collect())
}

/// Reports what becomes of an index's warmers: there is no place for them in the body.
pub fn convert_warmers(warmers: &BTreeMap<String, Value>, from: Version, to: Version, report: &mut Report) {
    let mut node: Map<String, Value> =
        warmers.iter().map(|(name, warmer)| (name.clone(), warmer.clone())).collect();
    let at = At { part: Part::Warmers, place: Place::Own, name: "", path: "warmers" };
    Rules::between(from, to).apply(at, &mut node, report);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn aliases_keep_their_routing_and_warmers_are_told() {
        let (from, to) = (Version::new(1, 7, 6), Version::new(6, 8, 23));
        let mut report = Report::default();
        let alias = json!({"index_routing": "a", "search_routing": "a,b"});
        let aliases = BTreeMap::from([("open".to_owned(), alias.clone())]);
        assert_eq!(convert_aliases(&aliases, &Context::new(from, to), &mut report), json!({"open": alias}));
        assert!(report.changes.is_empty());
        convert_warmers(&BTreeMap::from([("w".to_owned(), json!({}))]), from, to, &mut report);
        assert_eq!(report.changes[0].path, "warmers.w");
    }
}
