//! Hits: their total, their ids in order, scores and sort values. Also those of `top_hits` and `inner_hits`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::super::report::IDS_LEFT_OUT;
use super::numbers::{alike, close, number};
use super::sequence::{Ranked, compare};
use super::{Findings, Rules, Scores, Wanted, highlights, only_here, shown};

/// Scores are floats of 32 bits: those that are equal in all but the last digits are a tie.
const TIE_OF_SCORES: f64 = 1e-6;
/// The same for sort values that were calculated.
const TIE_OF_VALUES: f64 = 1e-9;

/// One list of hits.
pub(super) struct Page<'a> {
    /// Where the list stands, such as `hits`.
    pub at: &'a str,
    /// What asked for it: a body, or the options of `top_hits` or `inner_hits`. `from` and `sort` are looked at.
    pub source_asked: &'a Value,
    /// The same of the target.
    pub target_asked: &'a Value,
    /// Whether it is that of the search itself.
    pub top: bool,
}

/// Compares `hits` of two answers.
pub(super) fn judge(
    rules: &Rules<'_>,
    page: &Page<'_>,
    source: Option<&Value>,
    target: Option<&Value>,
    findings: &mut Findings,
) {
    let at = page.at;
    let (Some(source), Some(target)) = (source, target) else {
        if source.is_some() != target.is_some() {
            findings.differ(at, given(source), given(target));
        }
        return;
    };
    let (total, theirs) = (total(source), total(target));
    if total != theirs {
        findings.differ(format!("{at}.total"), text(total), text(theirs));
    }
    let (found, found_there) = (list(source), list(target));
    let (names, names_there) = (names(found, rules.prefixed_ids), names(found_there, false));
    let clauses = (Clause::all(page.source_asked), Clause::all(page.target_asked));
    let by_relevance = clauses.0.first() == Some(&Clause::Score);
    let any_order =
        page.top && rules.expect.order == Wanted::Ignore || by_relevance && rules.relevance == Wanted::Ignore;
    let ranked = |names: &[String], hits: &[Value], clauses: &[Clause], asked: &Value, total: Option<u64>| {
        let items = names.iter().cloned().zip(hits.iter().map(|hit| Rank::of(hit, clauses))).collect();
        let mut ranked = Ranked::new(items, |one: &Rank, other| any_order || one.ties(other));
        let from = asked.get("from").and_then(Value::as_u64).unwrap_or(0);
        let shown = u64::try_from(hits.len()).unwrap_or(u64::MAX);
        ranked.cut_before = from > 0;
        ranked.cut_behind = total.is_none_or(|total| total > from.saturating_add(shown));
        ranked
    };
    let ours = ranked(&names, found, &clauses.0, page.source_asked, total);
    let others = ranked(&names_there, found_there, &clauses.1, page.target_asked, theirs);
    if any_order {
        findings.leave_out(format!("order of {at}"));
        if ours.cut_before || ours.cut_behind {
            findings.leave_out(format!("{IDS_LEFT_OUT}{at}: without an order, any may be on the page"));
        }
    }
    let scores = rules.scores();
    let gap = compare(&ours, &others, |one: &Rank, other| any_order || one.may_tie(other, scores));
    if !gap.only_source.is_empty() || !gap.only_target.is_empty() {
        findings.differ(format!("{at}.ids"), only_here(&gap.only_source), only_here(&gap.only_target));
    }
    if let Some((first, second)) = gap.swapped.filter(|_| !any_order) {
        findings.differ(
            format!("{at}.order"),
            format!("{first} before {second}"),
            format!("{second} before {first}"),
        );
    }
    if let Scores::Within(tolerance) = rules.scores() {
        let (best, best_there) = (source.get("max_score"), target.get("max_score"));
        if let (Some(one), Some(other)) = (best, best_there)
            && !alike(one, other, tolerance)
        {
            findings.differ(format!("{at}.max_score"), one, other);
        }
    } else if by_score(&clauses.0) && !found.is_empty() {
        findings.leave_out("scores".to_owned());
    }
    let there: HashMap<&str, &Value> = names_there.iter().map(String::as_str).zip(found_there).collect();
    for (name, hit) in names.iter().zip(found) {
        if let Some(other) = there.get(name.as_str()) {
            one_hit(rules, page, (name, &clauses.0), hit, other, findings);
        }
    }
}

/// Two hits of the same document.
fn one_hit(
    rules: &Rules<'_>,
    page: &Page<'_>,
    (name, clauses): (&str, &[Clause]),
    hit: &Value,
    other: &Value,
    findings: &mut Findings,
) {
    let at = format!("{}[{name}]", page.at);
    let (score, theirs) = (hit.get("_score"), other.get("_score"));
    if let (Scores::Within(tolerance), Some(score), Some(theirs)) = (rules.scores(), score, theirs)
        && !alike(score, theirs, tolerance)
    {
        findings.differ(format!("{at}.score"), score, theirs);
    }
    let values = |hit: &Value| hit.get("sort").and_then(Value::as_array).cloned().unwrap_or_default();
    for (position, (one, two)) in values(hit).iter().zip(&values(other)).enumerate() {
        let exact = clauses.get(position) == Some(&Clause::Field);
        let same_form = number(one).is_some() == number(two).is_some();
        if exact && same_form && !alike(one, two, TIE_OF_VALUES) {
            findings.differ(format!("{at}.sort[{position}]"), shown(Some(one)), shown(Some(two)));
        }
    }
    if rules.expect.highlight == Wanted::Ignore {
        if hit.get("highlight").is_some() {
            findings.leave_out("highlights".to_owned());
        }
    } else {
        highlights::judge(&at, hit.get("highlight"), other.get("highlight"), findings);
    }
    inner_hits(rules, &at, hit.get("inner_hits"), other.get("inner_hits"), findings);
}

fn inner_hits(
    rules: &Rules<'_>,
    at: &str,
    source: Option<&Value>,
    target: Option<&Value>,
    findings: &mut Findings,
) {
    let empty = Map::new();
    let lists =
        |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_else(|| empty.clone());
    let (source, target) = (lists(source), lists(target));
    for name in source.keys().chain(target.keys().filter(|name| !source.contains_key(*name))) {
        let at = format!("{at}.inner_hits.{name}");
        // How they are sorted is not looked for: by score, as they are without being told.
        let page = Page { at: &at, source_asked: &Value::Null, target_asked: &Value::Null, top: false };
        let hits = |lists: &Map<String, Value>| lists.get(name).and_then(|list| list.get("hits")).cloned();
        judge(rules, &page, hits(&source).as_ref(), hits(&target).as_ref(), findings);
    }
}

/// What a part of a sort looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clause {
    /// A field, whose values have to be the same.
    Field,
    /// The score.
    Score,
    /// The order in which documents are stored: none.
    Stored,
    /// A distance or a script: calculated, and maybe by another formula.
    Calculated,
}

impl Clause {
    /// The parts of the `sort` of a body; without one it is the score.
    fn all(asked: &Value) -> Vec<Clause> {
        let one = |clause: &Value| match clause {
            Value::String(name) => Clause::named(name),
            Value::Object(options) => {
                options.keys().next().map_or(Clause::Calculated, |name| Clause::named(name))
            }
            _ => Clause::Calculated,
        };
        let clauses: Vec<Clause> = match asked.get("sort") {
            Some(Value::Array(list)) => list.iter().map(one).collect(),
            // An object of several fields of 1.x.
            Some(Value::Object(options)) => options.keys().map(|name| Clause::named(name)).collect(),
            Some(clause @ Value::String(_)) => vec![one(clause)],
            _ => Vec::new(),
        };
        if clauses.is_empty() { vec![Clause::Score] } else { clauses }
    }

    fn named(name: &str) -> Clause {
        match name {
            "_score" => Clause::Score,
            "_doc" => Clause::Stored,
            "_geo_distance" | "_geoDistance" | "_script" => Clause::Calculated,
            _ => Clause::Field,
        }
    }
}

fn by_score(clauses: &[Clause]) -> bool {
    clauses.contains(&Clause::Score)
}

/// What a hit is ordered by.
#[derive(Debug, Clone, PartialEq)]
struct Rank(Vec<(Clause, Value)>);

impl Rank {
    fn of(hit: &Value, clauses: &[Clause]) -> Rank {
        let nothing = Value::Null;
        let values = hit.get("sort").and_then(Value::as_array);
        let value = |position: usize| match values {
            Some(values) => values.get(position).unwrap_or(&nothing),
            None => hit.get("_score").unwrap_or(&nothing),
        };
        let ordered = clauses.iter().enumerate().take_while(|(_, clause)| **clause != Clause::Stored);
        Rank(ordered.map(|(position, clause)| (*clause, value(position).clone())).collect())
    }

    fn ties(&self, other: &Rank) -> bool {
        self.0.iter().zip(&other.0).all(|((clause, one), (_, two))| {
            match (clause, number(one), number(two)) {
                (Clause::Score, Some(one), Some(two)) => close(one, two, TIE_OF_SCORES),
                (Clause::Calculated, Some(one), Some(two)) => close(one, two, TIE_OF_VALUES),
                _ => alike(one, two, 0.0),
            }
        })
    }
}

impl Rank {
    /// Whether this may be the rank of the other side's hit, as far as both can be compared.
    fn may_tie(&self, other: &Rank, scores: Scores) -> bool {
        self.0.iter().zip(&other.0).all(|((clause, one), (_, two))| match (clause, scores) {
            (Clause::Score, Scores::Within(tolerance)) => alike(one, two, tolerance),
            (Clause::Score, Scores::Ignore) | (Clause::Calculated | Clause::Stored, _) => true,
            (Clause::Field, _) => {
                number(one).is_some() != number(two).is_some() || alike(one, two, TIE_OF_VALUES)
            }
        })
    }
}

fn list(hits: &Value) -> &[Value] {
    hits.get("hits").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Names of hits: their ids as they are on the target. A second one of an id, of another index or type, gets a number.
fn names(hits: &[Value], prefixed: bool) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let name = |hit: &Value| {
        let part = |key: &str| hit.get(key).and_then(Value::as_str).unwrap_or_default();
        let id = if prefixed { format!("{}-{}", part("_type"), part("_id")) } else { part("_id").to_owned() };
        let count = seen.entry(id.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { id } else { format!("{id} ({count})") }
    };
    hits.iter().map(name).collect()
}

fn total(hits: &Value) -> Option<u64> {
    match hits.get("total")? {
        Value::Object(total) => total.get("value")?.as_u64(),
        total => total.as_u64(),
    }
}

fn text(total: Option<u64>) -> String {
    total.map_or_else(|| "-".to_owned(), |total| total.to_string())
}

fn given(hits: Option<&Value>) -> &'static str {
    if hits.is_some() { "hits" } else { "-" }
}

/// Whether a search is ordered by relevance.
#[must_use]
pub fn is_by_relevance(body: &Value) -> bool {
    by_score(&Clause::all(body))
}
