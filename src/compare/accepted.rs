//! Differences that are known: each with the search, the places that differ, and the reason why that is well.

use serde::Deserialize;
use wildmatch::WildMatch;

use super::report::{Outcome, Verdict};
use crate::error::{Error, Result};

/// What an entry looks like, for hints.
const EXAMPLE: &str = "an entry is such as\n  [[accept]]\n  search = \"open alerts\"\n  differs = [\"hits.order\"]\n  note = \"relevance is BM25 on the target; agreed with the search team\"";

/// The file of known differences.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Accepted {
    entries: Vec<Entry>,
    /// For what is told of entries.
    origin: String,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Name of the search; `*` for anything.
    search: Option<String>,
    /// Or its fingerprint, which stays when it gets another name.
    fingerprint: Option<String>,
    /// Places of differences, `*` for anything; or `not_comparable`, `unsteady`, `both_refuse`.
    differs: Vec<String>,
    /// Why it is well.
    note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    accept: Vec<Entry>,
}

impl Accepted {
    /// Reads a file, of which `origin` is the name.
    ///
    /// # Errors
    /// `Config` for what is no such file, and for an entry without a reason, a search or a place.
    pub fn read(text: &str, origin: &str) -> Result<Self> {
        let bad = |what: String| Error::config("bad_acceptance", format!("{origin}: {what}")).hint(EXAMPLE);
        let file: File = toml::from_str(text).map_err(|error| {
            Error::config("bad_acceptance", format!("{origin} cannot be read")).hint(EXAMPLE).because(error)
        })?;
        for (at, entry) in file.accept.iter().enumerate() {
            let which = format!("entry {}", at + 1);
            if entry.search.is_some() == entry.fingerprint.is_some() {
                return Err(bad(format!("{which} has to name its search, or its fingerprint: one of both")));
            }
            let of = entry.name();
            if entry.note.trim().is_empty() {
                return Err(bad(format!("{which} ({of}) gives no reason: `note` is empty"))
                    .hint("say why the difference is well, or take the entry out"));
            }
            if entry.differs.is_empty() || entry.differs.iter().any(|place| place.trim().is_empty()) {
                return Err(bad(format!("{which} ({of}) names no place that differs")));
            }
        }
        Ok(Accepted { entries: file.accept, origin: origin.to_owned() })
    }

    /// Turns outcomes that are on record into accepted ones, and returns the entries that matched nothing, in words.
    pub fn apply(&self, outcomes: &mut [Judged]) -> Vec<String> {
        let mut used: Vec<Vec<bool>> =
            self.entries.iter().map(|entry| vec![false; entry.differs.len()]).collect();
        for judged in outcomes.iter_mut().filter(|judged| judged.outcome.verdict != Verdict::Same) {
            let mut notes: Vec<&str> = Vec::new();
            let mut open = false;
            for place in judged.places() {
                let mut found = false;
                for (entry, used) in self.entries.iter().zip(&mut used) {
                    if !entry.is_about(&judged.outcome) {
                        continue;
                    }
                    for (pattern, used) in entry.differs.iter().zip(used) {
                        if matches(pattern, &place) {
                            (found, *used) = (true, true);
                            if !notes.contains(&entry.note.as_str()) {
                                notes.push(&entry.note);
                            }
                        }
                    }
                }
                open |= !found;
            }
            if !open {
                judged.outcome.verdict = Verdict::Accepted;
                judged.outcome.note = Some(notes.join("; "));
            }
        }
        let mut unused = Vec::new();
        for (entry, used) in self.entries.iter().zip(used) {
            for (place, _) in entry.differs.iter().zip(used).filter(|(_, used)| !used) {
                unused.push(format!(
                    "{}: `{}` of {} matches nothing any more",
                    self.origin,
                    place,
                    entry.name()
                ));
            }
        }
        unused
    }
}

impl Entry {
    fn name(&self) -> String {
        match (&self.search, &self.fingerprint) {
            (Some(name), _) => format!("`{name}`"),
            (None, Some(fingerprint)) => format!("fingerprint {fingerprint}"),
            (None, None) => "without a search".to_owned(),
        }
    }

    fn is_about(&self, outcome: &Outcome) -> bool {
        self.search.as_deref().is_some_and(|name| matches(name, &outcome.name))
            || self.fingerprint.as_deref() == Some(&outcome.fingerprint)
    }
}

fn matches(pattern: &str, place: &str) -> bool {
    pattern == place || WildMatch::new(pattern).matches(place)
}

/// An outcome with every place that differs, however many are shown.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The outcome.
    pub outcome: Outcome,
    /// All places that differ.
    pub places: Vec<String>,
}

impl Judged {
    /// What has to be on record, so that it is accepted.
    fn places(&self) -> Vec<String> {
        match self.outcome.verdict {
            Verdict::Different => self.places.clone(),
            verdict => vec![verdict.as_str().to_owned()],
        }
    }
}

/// A file to fill in: an entry for each search that is not the same and not accepted, with an empty reason.
#[must_use]
pub fn template(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "# Known differences. Give each a reason, or take it out: an empty `note` is refused.\n\
         # `differs` may hold patterns, such as \"aggregations.hosts.*\".\n",
    );
    let open = |outcome: &&Outcome| !matches!(outcome.verdict, Verdict::Same | Verdict::Accepted);
    for outcome in outcomes.iter().filter(open) {
        let mut places: Vec<String> = match outcome.verdict {
            Verdict::Different => {
                outcome.differences.iter().map(|difference| difference.at.clone()).collect()
            }
            verdict => vec![verdict.as_str().to_owned()],
        };
        if outcome.more_differences > 0 {
            places = vec!["*".to_owned()];
        }
        places.dedup();
        text.push_str("\n[[accept]]\n");
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        text.push_str(&format!("search = {}\n", quoted(&outcome.name)));
        let told = outcome
            .differences
            .iter()
            .map(|difference| format!("{}: {} | {}", difference.at, difference.source, difference.target));
        for told in told.chain(outcome.reasons.iter().cloned()).take(5) {
            let line: String = told.chars().take(150).collect();
            text.push_str(&format!("# {}\n", line.replace(char::is_control, " ")));
        }
        let places: Vec<String> = places.iter().map(|place| quoted(place)).collect();
        text.push_str(&format!("differs = [{}]\nnote = \"\"\n", places.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    fn judged() -> Vec<Judged> {
        let with_places = |outcome: Outcome| {
            let places = outcome.differences.iter().map(|difference| difference.at.clone()).collect();
            Judged { outcome, places }
        };
        report()
            .searches
            .into_iter()
            .filter(|outcome| outcome.verdict != Verdict::Accepted)
            .map(with_places)
            .collect()
    }

    fn verdicts(judged: &[Judged]) -> Vec<&'static str> {
        judged.iter().map(|judged| judged.outcome.verdict.as_str()).collect()
    }

    #[test]
    fn what_is_on_record_is_accepted_and_nothing_else() {
        let file = |hosts: &str| {
            format!(
                "[[accept]]\nsearch = \"hosts\"\ndiffers = [{hosts}]\nnote = \"known\"\n\
             [[accept]]\nfingerprint = \"0000000000000003\"\ndiffers = [\"not_comparable\"]\nnote = \"by hand\"\n\
             [[accept]]\nsearch = \"gone\"\ndiffers = [\"hits.total\"]\nnote = \"old\"\n"
            )
        };
        let mut all = judged();
        let unused = Accepted::read(&file(r#""hits.total", "aggregations.hosts.*""#), "a.toml")
            .unwrap()
            .apply(&mut all);
        assert_eq!(verdicts(&all), ["same", "accepted", "accepted", "unsteady", "both_refuse"]);
        assert_eq!(unused, ["a.toml: `hits.total` of `gone` matches nothing any more"]);
        assert_eq!(
            (all[1].outcome.note.as_deref(), all[1].outcome.found),
            (Some("known"), Verdict::Different)
        );
        // A difference outside of what is recorded is still one.
        let mut all = judged();
        let unused = Accepted::read(&file(r#""hits.total", "hits.ids""#), "a.toml").unwrap().apply(&mut all);
        assert_eq!(verdicts(&all)[1], "different");
        assert_eq!(unused.len(), 2, "{unused:?}");
    }

    #[test]
    fn a_pattern_accepts_a_place_of_many_searches() {
        let file = "[[accept]]\nsearch = \"*\"\ndiffers = [\"unsteady\", \"both_refuse\"]\nnote = \"n\"";
        let mut all = judged();
        assert_eq!(Accepted::read(file, "a").unwrap().apply(&mut all), Vec::<String>::new());
        assert_eq!(verdicts(&all), ["same", "different", "not_comparable", "accepted", "accepted"]);
    }

    #[test]
    fn a_place_with_brackets_is_found_by_its_own_text() {
        let file = "[[accept]]\nsearch = \"hosts\"\ndiffers = [\"hits.total\", \"aggregations.hosts.buckets[web-1].doc_count\"]\nnote = \"n\"";
        let mut all = judged();
        assert_eq!(Accepted::read(file, "a").unwrap().apply(&mut all), Vec::<String>::new());
        assert_eq!(verdicts(&all)[1], "accepted");
    }

    #[test]
    fn a_file_without_reasons_is_refused() {
        let mut told = String::new();
        for file in [
            "[[accept]]\nsearch = \"a\"\ndiffers = [\"x\"]\nnote = \" \"",
            "[[accept]]\ndiffers = [\"x\"]\nnote = \"n\"",
            "[[accept]]\nsearch = \"a\"\nfingerprint = \"f\"\ndiffers = [\"x\"]\nnote = \"n\"",
            "[[accept]]\nsearch = \"a\"\ndiffers = []\nnote = \"n\"",
            "[[accept]]\nsearch = \"a\"\nnote = \"n\"",
            "[[acept]]\n",
            "nonsense",
        ] {
            told.push_str(&format!("{}\n", Accepted::read(file, "accept.toml").unwrap_err().one_line()));
        }
        insta::assert_snapshot!(told, @r"
        accept.toml: entry 1 (`a`) gives no reason: `note` is empty
        accept.toml: entry 1 has to name its search, or its fingerprint: one of both
        accept.toml: entry 1 has to name its search, or its fingerprint: one of both
        accept.toml: entry 1 (`a`) names no place that differs
        accept.toml cannot be read: TOML parse error at line 1, column 1   | 1 | [[accept]]   | ^^^^^^^^^^ missing field `differs` 
        accept.toml cannot be read: TOML parse error at line 1, column 3   | 1 | [[acept]]   |   ^^^^^ unknown field `acept`, expected `accept` 
        accept.toml cannot be read: TOML parse error at line 1, column 9   | 1 | nonsense   |         ^ key with no value, expected `=`
        ");
    }

    #[test]
    fn a_template_is_accepted_once_its_reasons_are_filled_in() {
        let text = template(&report().searches);
        insta::assert_snapshot!(text, @r#"
        # Known differences. Give each a reason, or take it out: an empty `note` is refused.
        # `differs` may hold patterns, such as "aggregations.hosts.*".

        [[accept]]
        search = "hosts"
        # hits.total: 10 | 9
        # aggregations.hosts.buckets[web-1].doc_count: 4 | 3
        differs = ["hits.total", "aggregations.hosts.buckets[web-1].doc_count"]
        note = ""

        [[accept]]
        search = "scripted"
        # query.script: scripts are not translated (script_language); write it in painless
        differs = ["not_comparable"]
        note = ""

        [[accept]]
        search = "today"
        # query.range.created.gte: `now-1d` depends on the moment, and changes all the time
        differs = ["unsteady"]
        note = ""

        [[accept]]
        search = "broken"
        # source: HTTP 400
        # target: HTTP 400
        differs = ["both_refuse"]
        note = ""
        "#);
        assert!(Accepted::read(&text, "a").is_err());
        let filled = text.replace("note = \"\"", "note = \"known\"");
        let mut all = judged();
        assert_eq!(Accepted::read(&filled, "a").unwrap().apply(&mut all), Vec::<String>::new());
        assert_eq!(verdicts(&all), ["same", "accepted", "accepted", "accepted", "accepted"]);
    }
}
