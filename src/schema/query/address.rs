//! Where a search is sent: the indices and types in front of `_search`.

use serde_json::{Map, Value, json};
use wildmatch::WildMatch;

use super::rules::{EVERY_INDEX, INDEX_ELSEWHERE, INDEX_RENAMED, TYPE_IS_AN_INDEX, TYPE_PATTERN};
use super::{Context, Rewriter, Rewritten, TypesBecame};

/// Indices and types that the path of a search names. Both are empty where it names none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// Names, wildcards, aliases; `-name` takes out again.
    pub indices: Vec<String>,
    /// Types of the source. There are none in an address of the target.
    pub types: Vec<String>,
}

/// An index of which the plan of a migration says where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// On the source.
    pub source: String,
    /// Only documents of these types; empty for all.
    pub types: Vec<String>,
    /// On the target.
    pub target: String,
}

/// A whole search: where to, with what in the URL, and the body (`null` for none).
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Where to.
    pub address: Address,
    /// Parameters of the URL, decoded.
    pub parameters: Vec<(String, String)>,
    /// The body.
    pub body: Value,
}

/// A search for the target; `body` and `refused` as in [`Rewritten`].
#[derive(Debug, Clone, PartialEq)]
pub struct RewrittenSearch {
    /// The search.
    pub search: Search,
    /// What changed, and what is refused.
    pub rewritten: Rewritten,
}

/// Rewrites a search with its address: indices get the names of the target, and types become what the migration
/// makes of them. `planned` may be empty; wildcards are followed by it where names alone do not tell.
#[must_use]
pub fn rewrite_whole(search: &Search, planned: &[Planned], context: &Context) -> RewrittenSearch {
    let mut rewriter = Rewriter::new(context);
    if !rewriter.target_is_known() {
        let rewritten = rewriter.finish(search.body.clone());
        return RewrittenSearch { search: search.clone(), rewritten };
    }
    let types = rewriter.named_types(&search.address.types);
    let indices = rewriter.addressed(&search.address.indices, &types, planned);
    let (parameters, body) = rewriter.parameters(&search.parameters, &search.body);
    // Nothing stays nothing: 6.8 takes no `null` for a body, and an empty one means the same.
    let body = if body.is_null() { body } else { rewriter.search_body(&body, "") };
    let body = rewriter.only_types(body, &types);
    let search = Search { address: Address { indices, types: Vec::new() }, parameters, body: body.clone() };
    RewrittenSearch { search, rewritten: rewriter.finish(body) }
}

impl Rewriter<'_> {
    fn named_types(&mut self, types: &[String]) -> Vec<String> {
        if types.iter().any(|name| name == "_all" || name == "_doc" && self.context.from.major >= 6) {
            return Vec::new();
        }
        if let Some(pattern) = types.iter().find(|name| name.contains('*')) {
            let why = format!("which types `{pattern}` stands for is not known here");
            self.refuse_because(&TYPE_PATTERN, "path", why);
        }
        types.to_vec()
    }

    /// The target's indices for those of a path.
    fn addressed(&mut self, given: &[String], types: &[String], planned: &[Planned]) -> Vec<String> {
        let everything = given.is_empty() || given.iter().any(|name| name == "_all" || name == "*");
        let reads_everything = self.context.indices.patterns.iter().any(|pattern| pattern == "*");
        if everything && !reads_everything {
            self.refuse(&EVERY_INDEX, "path");
            return given.to_vec();
        }
        let every = ["*".to_owned()];
        let mut indices: Vec<String> = Vec::new();
        for name in if everything { &every[..] } else { given } {
            let (minus, plain) = match name.strip_prefix('-') {
                Some(plain) if !indices.is_empty() => ("-", plain),
                _ => ("", name.as_str()),
            };
            for new in self.one_index(plain, types, planned) {
                let new = format!("{minus}{new}");
                if !indices.contains(&new) {
                    indices.push(new);
                }
            }
        }
        indices
    }

    fn one_index(&mut self, name: &str, types: &[String], planned: &[Planned]) -> Vec<String> {
        let pattern = WildMatch::new(name);
        let of_type = |index: &&Planned| {
            index.types.is_empty() || types.is_empty() || index.types.iter().any(|kind| types.contains(kind))
        };
        let found = planned.iter().filter(|index| pattern.matches(&index.source));
        let found: Vec<String> = found.filter(of_type).map(|index| index.target.clone()).collect();
        let template = &self.context.indices.template;
        let by_type = template.contains("{type}");
        if name.contains('*') {
            return self.pattern_of_indices(name, found);
        }
        if by_type && types.is_empty() && !found.is_empty() {
            self.told(name, &found);
            return found;
        }
        if by_type && !types.is_empty() {
            return types.iter().map(|kind| self.index_name(name, Some(kind), "path")).collect();
        }
        vec![self.index_name(name, None, "path")]
    }

    fn pattern_of_indices(&mut self, pattern: &str, found: Vec<String>) -> Vec<String> {
        if !found.is_empty() {
            self.told(pattern, &found);
            return found;
        }
        let template = &self.context.indices.template;
        if template.contains("{type}") {
            let why = format!(
                "what `{pattern}` stands for became an index for each of its types, and no plan says which"
            );
            let choices = vec!["plan the migration first (`esferry run`), or give `target.path`".to_owned()];
            self.refuse_with(&TYPE_IS_AN_INDEX, "path", why, choices);
            return vec![pattern.to_owned()];
        }
        let new = template.replace("{index}", pattern);
        if new != pattern {
            self.told(pattern, std::slice::from_ref(&new));
        }
        vec![new]
    }

    fn told(&mut self, name: &str, indices: &[String]) {
        if indices != [name] {
            let rule = if name.contains('*') { &INDEX_ELSEWHERE } else { &INDEX_RENAMED };
            let why = format!("`{name}` is {} on the target", indices.join(", "));
            self.change_because(rule, "path", Some(json!(name)), Some(json!(indices)), why);
        }
    }

    /// Where types share an index, a search of some of them asks for the field that holds their name.
    fn only_types(&mut self, body: Value, types: &[String]) -> Value {
        let shared = matches!(self.context.types, TypesBecame::Field { .. } | TypesBecame::Join { .. });
        if types.is_empty() || !shared {
            return body;
        }
        if global(&body) {
            let why =
                "a `global` aggregation of 1.x counts documents of the path's types, here it would count all";
            self.refuse_because(&TYPE_PATTERN, "path", why.to_owned());
        }
        let of_types = self.of_types(types, json!({"types": types}), "path");
        let mut parts = match body {
            Value::Object(parts) => parts,
            _ => Map::new(),
        };
        let query = parts.shift_remove("query").unwrap_or_else(|| json!({"match_all": {}}));
        parts.insert("query".to_owned(), json!({"bool": {"must": [query], "filter": [of_types]}}));
        Value::Object(parts)
    }
}

/// Whether an aggregation looks at all documents, whatever is searched for.
fn global(body: &Value) -> bool {
    ["aggs", "aggregations"].iter().filter_map(|name| body.get(name)?.as_object()).any(|aggregations| {
        aggregations.values().any(|aggregation| aggregation.get("global").is_some() || global(aggregation))
    })
}
