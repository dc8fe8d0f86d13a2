//! Searches whose answer depends on the moment or on chance: the same answer from both sides proves nothing of them.

use serde_json::Value;

use crate::schema::query::Search;

/// Where date math may stand: bounds of ranges, and the origin of a decay.
const DATES: [&str; 9] = ["gte", "gt", "lte", "lt", "from", "to", "ge", "le", "origin"];

/// What a script reads that is another thing each time.
const IN_SCRIPTS: [(&str, &str); 6] = [
    ("random", "chance"),
    ("currentTimeMillis", "the moment"),
    ("nanoTime", "the moment"),
    ("new Date(", "the moment"),
    ("DateTime.now", "the moment"),
    ("Instant.now", "the moment"),
];

/// Why the answer to a search may be another one the next time, in words; empty where it is not.
#[must_use]
pub fn reasons(search: &Search) -> Vec<String> {
    let mut found = Vec::new();
    for index in search.address.indices.iter().filter(|name| name.contains("now")) {
        if index.starts_with('<') {
            add(&mut found, format!("path: `{index}` depends on the moment"));
        }
    }
    for (name, value) in &search.parameters {
        match name.as_str() {
            "q" => text(value, "url.q", &mut found),
            "terminate_after" => add(&mut found, stops("url.terminate_after")),
            _ => {}
        }
    }
    if search.body.get("terminate_after").is_some_and(|most| most != &Value::from(0)) {
        add(&mut found, stops("terminate_after"));
    }
    walk(&search.body, "", &mut found);
    found
}

fn stops(at: &str) -> String {
    format!("{at}: which documents are looked at before a shard stops depends on chance")
}

fn add(found: &mut Vec<String>, reason: String) {
    if !found.contains(&reason) {
        found.push(reason);
    }
}

fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, inner) in entries {
                let place = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                match (key.as_str(), inner) {
                    ("random_score", _) => add(found, format!("{place}: random scores depend on chance")),
                    (
                        "script" | "source" | "inline" | "params" | "reduce_script" | "map_script"
                        | "init_script",
                        _,
                    ) => script(inner, &place, found),
                    (name, Value::String(text)) if DATES.contains(&name) => date(text, &place, found),
                    ("query", Value::String(given)) => text(given, &place, found),
                    ("gauss" | "exp" | "linear", Value::Object(fields)) => decays(fields, &place, found),
                    _ => {}
                }
                walk(inner, &place, found);
            }
        }
        Value::Array(list) => {
            for (position, inner) in list.iter().enumerate() {
                walk(inner, &format!("{at}[{position}]"), found);
            }
        }
        _ => {}
    }
}

fn script(value: &Value, at: &str, found: &mut Vec<String>) {
    let Value::String(text) = value else { return };
    let names = IN_SCRIPTS.iter().filter(|(name, _)| text.contains(name));
    for (name, on) in names {
        add(found, format!("{at}: the script reads `{name}`, which depends on {on}"));
    }
}

/// A decay of dates without an origin begins now.
fn decays(fields: &serde_json::Map<String, Value>, at: &str, found: &mut Vec<String>) {
    for (field, options) in fields {
        let scale = options.get("scale").and_then(Value::as_str).unwrap_or_default();
        let of_time = scale.ends_with(['d', 'h', 'm', 's', 'w'])
            && !scale.ends_with("km")
            && !scale.ends_with("mm")
            && !scale.ends_with("cm");
        if options.is_object() && options.get("origin").is_none() && of_time {
            add(
                found,
                format!("{at}.{field}: a decay without `origin` begins now: it depends on the moment"),
            );
        }
    }
}

/// `now`, `now-1d/d`, `now||/M`.
fn date(text: &str, at: &str, found: &mut Vec<String>) {
    let Some(rest) = text.trim().strip_prefix("now") else { return };
    if rest.is_empty() || rest.starts_with(['+', '-', '/', '|']) {
        add(found, format!("{at}: `{}` depends on the moment{}", text.trim(), rounded(rest)));
    }
}

fn rounded(math: &str) -> &'static str {
    match math.split_once('/').and_then(|(_, unit)| unit.chars().next()) {
        Some('d') => ", and changes with the day",
        Some('w') => ", and changes with the week",
        Some('M') => ", and changes with the month",
        Some('y') => ", and changes with the year",
        Some('h' | 'H') => ", and changes with the hour",
        Some('m') => ", and changes with the minute",
        Some('s') => ", and changes with the second",
        _ => ", and changes all the time",
    }
}

/// Bounds of ranges in the text of a query string: `[now-1d TO *]`, `>now/d`.
fn text(text: &str, at: &str, found: &mut Vec<String>) {
    let words = text.split(|character: char| character.is_whitespace() || "[]{}()".contains(character));
    for word in words {
        let word = word.rsplit_once(':').map_or(word, |(_, value)| value);
        let bound = word.trim_start_matches(['<', '>', '=', '"']).trim_end_matches('"');
        let compared = bound.len() < word.trim_end_matches('"').len();
        if bound == "now" && !compared && !in_a_range(text) {
            continue;
        }
        date(bound, at, found);
    }
}

fn in_a_range(text: &str) -> bool {
    ["[now", "{now", "TO now"].iter().any(|begin| text.contains(begin))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::schema::query::Address;

    fn of(body: Value) -> Vec<String> {
        let address = Address { indices: vec!["alerts".to_owned()], types: Vec::new() };
        reasons(&Search { address, parameters: Vec::new(), body })
    }

    #[test]
    fn the_moment_and_chance_are_named_with_their_place() {
        let mut told = String::new();
        for body in [
            json!({"query": {"range": {"created": {"gte": "now-1d/d", "lt": "now"}}}}),
            json!({"filter": {"and": [{"range": {"created": {"from": "now-15m"}}}]}}),
            json!({"aggs": {"d": {"date_range": {"field": "created", "ranges": [{"to": "now/M"}]}}}}),
            json!({"query": {"query_string": {"query": "status:open AND created:[now-1d TO now]"}}}),
            json!({"query": {"query_string": {"query": "created:>now-2h/h"}}}),
            json!({"query": {"function_score": {"random_score": {"seed": 3}}}}),
            json!({"query": {"function_score": {"gauss": {"created": {"scale": "10d"}}}}}),
            json!({"sort": {"_script": {"script": "Math.random()", "type": "number"}}}),
            json!({"query": {"function_score": {"script_score": {"script": {"source": "new Date().getTime()"}}}}}),
            json!({"terminate_after": 10}),
        ] {
            told.push_str(&format!("{}\n", of(body).join("; ")));
        }
        insta::assert_snapshot!(told, @r"
        query.range.created.gte: `now-1d/d` depends on the moment, and changes with the day; query.range.created.lt: `now` depends on the moment, and changes all the time
        filter.and[0].range.created.from: `now-15m` depends on the moment, and changes all the time
        aggs.d.date_range.ranges[0].to: `now/M` depends on the moment, and changes with the month
        query.query_string.query: `now-1d` depends on the moment, and changes all the time; query.query_string.query: `now` depends on the moment, and changes all the time
        query.query_string.query: `now-2h/h` depends on the moment, and changes with the hour
        query.function_score.random_score: random scores depend on chance
        query.function_score.gauss.created: a decay without `origin` begins now: it depends on the moment
        sort._script.script: the script reads `random`, which depends on chance
        query.function_score.script_score.script.source: the script reads `new Date(`, which depends on the moment
        terminate_after: which documents are looked at before a shard stops depends on chance
        ");
    }

    #[test]
    fn the_word_now_alone_is_no_moment() {
        for body in [
            json!({"query": {"match": {"title": "now"}}}),
            json!({"query": {"match": {"title": {"query": "buy now"}}}}),
            json!({"query": {"term": {"tag": "nowhere"}}}),
            json!({"query": {"range": {"name": {"gte": "november"}}}}),
            json!({"query": {"range": {"created": {"gte": "2017-01-01||/M"}}}}),
            json!({"query": {"function_score": {"gauss": {"place": {"origin": "1,2", "scale": "10km"}}}}}),
            json!({"query": {"query_string": {"query": "title:now"}}}),
        ] {
            assert_eq!(of(body.clone()), Vec::<String>::new(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_looked_at(text in "\\PC{0,60}") {
            of(json!({"query": {"query_string": {"query": text}}, "gte": text, "script": text}));
        }
    }
}
