//! Analyzers and what they are made of.

use serde_json::{Map, Value, json};

use crate::schema::report::Severity;
use crate::schema::rule::Otherwise::{Refused, Taken};
use crate::schema::rule::{Part, Proof, Rule, Site, Versions, lenient_bool};

const ANALYSIS: Rule = Rule { part: Part::Analysis, ..Rule::COMMON };

/// Camel-case names that 6.8 does not find (measured), and what they are called there.
const RENAMED: [(&str, &str); 7] = [
    ("porterStem", "porter_stem"),
    ("dutchStem", "dutch_stem"),
    ("frenchStem", "french_stem"),
    ("russianStem", "russian_stem"),
    ("arabicStem", "arabic_stem"),
    ("pathHierarchy", "path_hierarchy"),
    ("uaxUrlEmail", "uax_url_email"),
];

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "default_index_analyzer",
        what: "analyzer `default_index` → `default`; a `default` beside it → `default_search`",
        why: "`default_index` is gone since 5.0",
        proof: Proof::Example {
            body: r#"{"settings":{"analysis":{"analyzer":{"default_index":{"type":"whitespace"},"default":{"type":"simple"}}}},"mappings":{"t":{}}}"#,
            document: r#"{"a":"A b"}"#,
            otherwise: Refused,
        },
        apply: default_index,
        ..ANALYSIS
    },
    Rule {
        name: "analyzer_alias",
        what: "`alias` of an analyzer → removed",
        why: "an analyzer has one name since 5.0",
        severity: Severity::Lost,
        choices: &["name the analyzer itself wherever the alias is used, in searches too"],
        proof: Proof::Example {
            body: r#"{"settings":{"analysis":{"analyzer":{"own":{"type":"custom","tokenizer":"keyword","alias":["other"]}}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |settings, _| {
            settings.retain(|key, _| !(key.starts_with("analysis.analyzer.") && key.ends_with(".alias")));
        },
        ..ANALYSIS
    },
    Rule {
        name: "camel_case_parts",
        what: "`porterStem`, `dutchStem`, `pathHierarchy`, `uaxUrlEmail` … → `porter_stem`, …",
        why: "these names are gone",
        proof: Proof::Example {
            body: r#"{"settings":{"analysis":{"filter":{"mine":{"type":"stop"}},"analyzer":{"own":{"type":"custom","tokenizer":"uaxUrlEmail","filter":["lowercase","porterStem"]}},"tokenizer":{"paths":{"type":"pathHierarchy"}}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: camel_case,
        ..ANALYSIS
    },
    Rule {
        name: "stop_no_increments",
        what: "`enable_position_increments:false` of a filter → removed",
        why: "removed words always leave a gap: phrases no longer match across them",
        severity: Severity::SearchMayDiffer,
        proof: Proof::Explained("1.7 takes it only with the `version` of a Lucene before 4.4"),
        apply: |settings, _| {
            settings.retain(|key, value| {
                !(key.starts_with("analysis.filter.")
                    && key.ends_with(".enable_position_increments")
                    && !lenient_bool(value))
            });
        },
        ..ANALYSIS
    },
    Rule {
        name: "stop_increments",
        what: "`enable_position_increments` of a filter → removed",
        why: "removed words always leave a gap",
        proof: Proof::Example {
            body: r#"{"settings":{"analysis":{"filter":{"mine":{"type":"stop","enable_position_increments":true}}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |settings, _| {
            settings.retain(|key, _| {
                !(key.starts_with("analysis.filter.") && key.ends_with(".enable_position_increments"))
            });
        },
        ..ANALYSIS
    },
    Rule {
        name: "synonym_words",
        what: "`ignore_case`, `tokenizer` of a synonym filter → removed",
        why: "synonyms go through the filters before them since 6.0",
        severity: Severity::SearchMayDiffer,
        from: Versions::before(6, 0),
        proof: Proof::Example {
            body: r#"{"settings":{"analysis":{"filter":{"mine":{"type":"synonym","synonyms":["a,b"],"ignore_case":true}}}}}"#,
            document: "",
            otherwise: Taken,
        },
        apply: synonyms,
        ..ANALYSIS
    },
    Rule {
        name: "gram_spread",
        from: Versions::before(6, 0),
        what: "n-grams and shingles of several sizes → with `max_ngram_diff`, `max_shingle_diff`",
        why: "a spread over 1, or 3 for shingles, has to be allowed; 6.8 warns, 7.0 refuses",
        proof: Proof::Example {
            body: r#"{"settings":{"analysis":{"tokenizer":{"grams":{"type":"nGram","min_gram":2,"max_gram":6}},"filter":{"shingles":{"type":"shingle","min_shingle_size":2,"max_shingle_size":8}}}}}"#,
            document: "",
            otherwise: Taken,
        },
        apply: spread,
        ..ANALYSIS
    },
];

fn rename_keys(settings: &mut Map<String, Value>, name: impl Fn(&str) -> Option<String>) {
    let given = std::mem::take(settings);
    settings.extend(given.into_iter().map(|(key, value)| (name(&key).unwrap_or(key), value)));
}

fn default_index(settings: &mut Map<String, Value>, _: &Site<'_>) {
    const OLD: &str = "analysis.analyzer.default_index.";
    const NEW: &str = "analysis.analyzer.default.";
    const SEARCH: &str = "analysis.analyzer.default_search.";
    if !settings.keys().any(|key| key.starts_with(OLD)) {
        return;
    }
    if settings.keys().any(|key| key.starts_with(SEARCH)) {
        settings.retain(|key, _| !key.starts_with(NEW));
    } else if settings.keys().any(|key| key.starts_with(NEW)) {
        rename_keys(settings, |key| key.strip_prefix(NEW).map(|rest| format!("{SEARCH}{rest}")));
    } else {
        settings.insert(format!("{SEARCH}type"), json!("standard"));
    }
    rename_keys(settings, |key| key.strip_prefix(OLD).map(|rest| format!("{NEW}{rest}")));
}

/// Names below `analysis.KIND.`, each once.
fn names(settings: &Map<String, Value>, kind: &str) -> Vec<String> {
    let prefix = format!("analysis.{kind}.");
    let mut names: Vec<String> = settings
        .keys()
        .filter_map(|key| Some(key.strip_prefix(&prefix)?.rsplit_once('.')?.0.to_owned()))
        .collect();
    names.dedup();
    names
}

fn camel_case(settings: &mut Map<String, Value>, _: &Site<'_>) {
    let own: Vec<String> = ["filter", "tokenizer"].iter().flat_map(|kind| names(settings, kind)).collect();
    for (key, value) in settings.iter_mut().filter(|(key, _)| key.starts_with("analysis.")) {
        let word = key.rsplit('.').next().unwrap_or_default();
        match word {
            "type" if !key.starts_with("analysis.analyzer.") => rename(value, &[]),
            "tokenizer" | "filter" => rename(value, &own),
            _ => {}
        }
    }
}

/// Renames names in a value, a list, or a list written as one string; an index's own names are left alone.
fn rename(value: &mut Value, own: &[String]) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| rename(value, own)),
        Value::String(text) => {
            let renamed = |name: &str| {
                let trimmed = name.trim();
                let known =
                    RENAMED.iter().find(|(old, _)| *old == trimmed && !own.iter().any(|own| own == trimmed));
                known.map_or_else(|| name.to_owned(), |(_, new)| (*new).to_owned())
            };
            *text = text.split(',').map(renamed).collect::<Vec<_>>().join(",");
        }
        _ => {}
    }
}

fn synonyms(settings: &mut Map<String, Value>, _: &Site<'_>) {
    for name in names(settings, "filter") {
        let key = |word: &str| format!("analysis.filter.{name}.{word}");
        let kind = settings.get(&key("type")).and_then(Value::as_str);
        if kind.is_some_and(|kind| kind.starts_with("synonym")) {
            settings.shift_remove(&key("ignore_case"));
            settings.shift_remove(&key("tokenizer"));
        }
    }
}

fn spread(settings: &mut Map<String, Value>, _: &Site<'_>) {
    let number = |settings: &Map<String, Value>, key: &str, default: u64| {
        let value = settings.get(key);
        value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok())).unwrap_or(default)
    };
    let (mut grams, mut shingles) = (0, 0);
    for kind in ["tokenizer", "filter"] {
        for name in names(settings, kind) {
            let key = |word: &str| format!("analysis.{kind}.{name}.{word}");
            let of = settings.get(&key("type")).and_then(Value::as_str).unwrap_or_default();
            if matches!(of, "nGram" | "ngram") {
                let (min, max) =
                    (number(settings, &key("min_gram"), 1), number(settings, &key("max_gram"), 2));
                grams = grams.max(max.saturating_sub(min));
            }
            if of == "shingle" {
                let (min, max) = (
                    number(settings, &key("min_shingle_size"), 2),
                    number(settings, &key("max_shingle_size"), 2),
                );
                let alone = settings.get(&key("output_unigrams")).is_none_or(lenient_bool);
                shingles = shingles.max(max.saturating_sub(min) + u64::from(alone));
            }
        }
    }
    if grams > 1 {
        settings.insert("max_ngram_diff".to_owned(), json!(grams.to_string()));
    }
    if shingles > 3 {
        settings.insert("max_shingle_diff".to_owned(), json!(shingles.to_string()));
    }
}
