//! Logs become recorded searches: the slow log of Elasticsearch, and access logs of a proxy in front of it.

mod access;
mod slowlog;

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// Which kind of log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `index.search.slowlog.query` of 1.x to 6.x.
    SlowLog,
    /// The combined format of Apache and nginx.
    Access,
}

/// A search out of a log.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    /// Path with parameters.
    path: String,
    /// `null` for none.
    body: Value,
}

/// What a line holds.
#[derive(Debug, Clone, PartialEq)]
enum Held {
    /// A search.
    Search(Found),
    /// Something else, such as a write.
    Other,
    /// A search that cannot be asked again from what the line says.
    Unusable(&'static str),
}

/// The log said less than was asked: the line ends too early.
const CUT: &str = "cut by the log";
/// The body of a request is in no access log.
const NO_BODY: &str = "the search is not in the URL, and an access log has no bodies";
/// What replaying would leave open contexts behind.
const SCROLL: &str = "scrolls are not replayed";
/// What the servers refused then.
const FAILED: &str = "answered by an error";
/// A line that is no line of such a log.
const UNREADABLE: &str = "not a line of such a log";
/// A body that is no JSON.
const NOT_JSON: &str = "the search is no JSON that can be read";
/// An address that is none of a search.
const NOT_PLAIN: &str = "no plain search: only `_search` and `_count` are replayed";

/// What came of a log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    /// NDJSON, one search a line.
    pub lines: Vec<String>,
    /// Lines that were read.
    pub read: usize,
    /// Lines with a search that stands there already, such as those of its other shards.
    pub repeated: usize,
    /// Lines that are about something else.
    pub other: usize,
    /// Lines that cannot be used: why, and their numbers.
    pub unusable: Vec<(&'static str, Vec<usize>)>,
}

/// Reads a log. Without a format it is recognised by its first line.
#[must_use]
pub fn import(text: &str, format: Option<Format>) -> Imported {
    let format = format.unwrap_or_else(|| recognise(text));
    let name = match format {
        Format::SlowLog => "slowlog",
        Format::Access => "access",
    };
    let mut imported = Imported::default();
    let mut seen = HashSet::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        imported.read += 1;
        let held = match format {
            Format::SlowLog => slowlog::line(line),
            Format::Access => access::line(line),
        };
        match held {
            Held::Other => imported.other += 1,
            Held::Unusable(why) => imported.set_aside(why, at + 1),
            Held::Search(found) => {
                let body = if found.body.is_null() { String::new() } else { found.body.to_string() };
                if !seen.insert((found.path.clone(), body)) {
                    imported.repeated += 1;
                    continue;
                }
                let mut line = Map::new();
                line.insert("name".to_owned(), json!(format!("{name}:{}", at + 1)));
                line.insert("path".to_owned(), json!(found.path));
                if !found.body.is_null() {
                    line.insert("body".to_owned(), found.body);
                }
                imported.lines.push(Value::Object(line).to_string());
            }
        }
    }
    imported
}

impl Imported {
    fn set_aside(&mut self, why: &'static str, line: usize) {
        match self.unusable.iter_mut().find(|(known, _)| *known == why) {
            Some((_, lines)) => lines.push(line),
            None => self.unusable.push((why, vec![line])),
        }
    }

    /// What was read and what was not, in words.
    #[must_use]
    pub fn told(&self) -> String {
        let mut text = format!(
            "{} read: {}, {} the same again, {} about something else",
            counted(self.read, "line"),
            counted(self.lines.len(), "search").replace("searchs", "searches"),
            self.repeated,
            self.other
        );
        for (why, lines) in &self.unusable {
            // Writing to a string does not fail.
            let _ = write!(text, "\nnot taken, {}: {why} ({})", counted(lines.len(), "line"), numbers(lines));
        }
        text
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn numbers(lines: &[usize]) -> String {
    const MOST: usize = 10;
    let shown: Vec<String> = lines.iter().take(MOST).map(ToString::to_string).collect();
    let more = if lines.len() > MOST { ", …" } else { "" };
    format!("{} {}{more}", if lines.len() == 1 { "number" } else { "numbers" }, shown.join(", "))
}

/// A slow log names itself in every line.
fn recognise(text: &str) -> Format {
    let first = text.lines().filter(|line| !line.trim().is_empty()).take(100);
    if first.into_iter().any(|line| line.contains("slowlog") || line.contains("took_millis[")) {
        Format::SlowLog
    } else {
        Format::Access
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compare::recorded;

    const SLOW: &str = r#"
[2015-05-05 10:11:12,123][WARN ][index.search.slowlog.query] [Hank McCoy] [alerts][0] took[1.2ms], took_millis[1], types[alert], stats[], search_type[QUERY_THEN_FETCH], total_shards[5], source[{"query":{"term":{"host":"a]b, source[x]"}}}], extra_source[], 
[2015-05-05 10:11:12,124][WARN ][index.search.slowlog.query] [Hank McCoy] [alerts][1] took[2ms], took_millis[2], types[alert], stats[], search_type[QUERY_THEN_FETCH], total_shards[5], source[{"query":{"term":{"host":"a]b, source[x]"}}}], extra_source[], 
[2015-05-05 10:11:12,124][WARN ][index.search.slowlog.fetch] [Hank McCoy] [alerts][1] took[2ms], took_millis[2], types[alert], stats[], search_type[QUERY_THEN_FETCH], total_shards[5], source[{"query":{"term":{"host":"a]b, source[x]"}}}], extra_source[], 
[2015-05-05 10:11:12,125][INFO ][index.search.slowlog.query] [Hank McCoy] [logs 1][0] took[2ms], took_millis[2], types[], stats[a,b], search_type[COUNT], total_shards[5], source[{"size":3,"facets":{}}], extra_source[{"size":0}], 
[2015-05-05 10:11:12,126][WARN ][index.search.slowlog.query] [Hank McCoy] [alerts][0] took[2ms], took_millis[2], types[], stats[], search_type[SCAN], total_shards[5], source[{}], extra_source[], 
[2015-05-05 10:11:12,127][WARN ][index.search.slowlog.query] [Hank McCoy] [alerts][0] took[2ms], took_millis[2], types[], stats[], search_type[QUERY_THEN_FETCH], total_shards[5], source[{"query":{"match":{"title":"dis
[2015-05-05 10:11:12,128][WARN ][index.search.slowlog.query] [Hank McCoy] [alerts][0] took[2ms], took_millis[2], types[], stats[], search_type[QUERY_THEN_FETCH], total_shards[5], source[{"query":{"match_all":{}}}], extra_source
[2015-05-05 10:11:12,129][WARN ][index.search.slowlog.query] [Hank McCoy] [alerts][0] took[2ms], took_millis[2], types[], stats[], search_type[DFS_QUERY_THEN_FETCH], total_shards[5], source[], extra_source[], 
[2015-05-05 10:11:12,130][INFO ][cluster.routing.allocation.decider] [Hank McCoy] low disk watermark
[2015-05-05 10:11:12,131][WARN ][index.search.slowlog.query] [Hank McCoy] [alerts][0] took[2ms], took_millis[2], types[], stats[], search_type[QUERY_THEN_FETCH], total_shards[5], source[_failed_to_convert_], extra_source[], 
[2018-05-05T10:11:12,131][WARN ][index.search.slowlog.query] [node-1] [alerts][0] took[1.5ms], took_millis[1], total_hits[7], types[], stats[], search_type[QUERY_THEN_FETCH], total_shards[5], source[{"query":{"match_all":{"boost":1.0}}}], id[x], 
"#;

    #[test]
    fn a_slow_log_becomes_each_search_once() {
        let imported = import(SLOW, None);
        insta::assert_snapshot!(format!("{}\n\n{}", imported.lines.join("\n"), imported.told()), @r#"
        {"name":"slowlog:2","path":"/alerts/alert/_search","body":{"query":{"term":{"host":"a]b, source[x]"}}}}
        {"name":"slowlog:5","path":"/logs%201/_search?search_type=count","body":{"size":0,"facets":{}}}
        {"name":"slowlog:9","path":"/alerts/_search?search_type=dfs_query_then_fetch"}
        {"name":"slowlog:12","path":"/alerts/_search","body":{"query":{"match_all":{"boost":1.0}}}}

        11 lines read: 4 searches, 2 the same again, 1 about something else
        not taken, 1 line: scrolls are not replayed (number 6)
        not taken, 2 lines: cut by the log (numbers 7, 8)
        not taken, 1 line: the search is no JSON that can be read (number 11)
        "#);
        let read = recorded::read(&imported.lines.join("\n"), "x").unwrap();
        assert_eq!(read.len(), imported.lines.len());
    }

    const ACCESS: &str = r#"
10.0.0.1 - - [10/Oct/2015:13:55:36 +0000] "GET /alerts/_search?q=status:open&size=5 HTTP/1.1" 200 2326 "-" "curl/7.0"
10.0.0.1 - kibana [10/Oct/2015:13:55:37 +0000] "GET /alerts/_search?q=status:open&size=5 HTTP/1.1" 200 2326 "-" "curl/7.0"
10.0.0.2 - - [10/Oct/2015:13:55:38 +0000] "GET /alerts/alert/_search?source=%7B%22query%22%3A%7B%22match_all%22%3A%7B%7D%7D%7D HTTP/1.1" 200 2326 "http://x/?a=\"b\"" "Mozilla/5.0 (X11)"
10.0.0.2 - - [10/Oct/2015:13:55:39 +0000] "GET /alerts/_count?q=host:a HTTP/1.0" 200 26
10.0.0.2 - - [10/Oct/2015:13:55:39 +0000] "POST /alerts/_search HTTP/1.1" 200 2326 "-" "client"
10.0.0.2 - - [10/Oct/2015:13:55:40 +0000] "POST /_bulk HTTP/1.1" 200 2326 "-" "client"
10.0.0.2 - - [10/Oct/2015:13:55:40 +0000] "DELETE /alerts/_query?q=x HTTP/1.1" 200 2326 "-" "client"
10.0.0.2 - - [10/Oct/2015:13:55:41 +0000] "GET /alerts/_search?q=x:%5B HTTP/1.1" 400 2326 "-" "client"
10.0.0.2 - - [10/Oct/2015:13:55:41 +0000] "GET /alerts/_search?q=a&scroll=5m HTTP/1.1" 200 2326 "-" "client"
10.0.0.2 - - [10/Oct/2015:13:55:41 +0000] "POST /_msearch HTTP/1.1" 200 2326 "-" "client"
10.0.0.2 - - [10/Oct/2015:13:55:42 +0000] "GET /alerts/_search?source=%7B%22query HTTP/1.1" 200 2326 "-" "client"
10.0.0.2 - - [10/Oct/2015:13:55:42 +0000] "GET /alerts/_search?q=sta
nonsense
"#;

    #[test]
    fn an_access_log_gives_searches_that_stand_in_the_url() {
        let imported = import(ACCESS, None);
        insta::assert_snapshot!(format!("{}\n\n{}", imported.lines.join("\n"), imported.told()), @r#"
        {"name":"access:2","path":"/alerts/_search?q=status%3Aopen&size=5"}
        {"name":"access:4","path":"/alerts/alert/_search","body":{"query":{"match_all":{}}}}
        {"name":"access:5","path":"/alerts/_count?q=host%3Aa"}

        13 lines read: 3 searches, 1 the same again, 2 about something else
        not taken, 1 line: the search is not in the URL, and an access log has no bodies (number 6)
        not taken, 1 line: answered by an error (number 9)
        not taken, 1 line: scrolls are not replayed (number 10)
        not taken, 1 line: no plain search: only `_search` and `_count` are replayed (number 11)
        not taken, 1 line: the search is no JSON that can be read (number 12)
        not taken, 1 line: cut by the log (number 13)
        not taken, 1 line: not a line of such a log (number 14)
        "#);
        let read = recorded::read(&imported.lines.join("\n"), "x").unwrap();
        assert_eq!(read.len(), imported.lines.len());
    }

    /// Damages a good line anywhere: a part taken out, and something put in.
    fn damaged(good: &'static str) -> impl Strategy<Value = String> {
        let lines: Vec<&str> = good.lines().filter(|line| !line.is_empty()).collect();
        (prop::sample::select(lines), any::<prop::sample::Index>(), any::<prop::sample::Index>(), "\\PC{0,5}")
            .prop_map(|(line, from, to, put)| {
                let characters: Vec<char> = line.chars().collect();
                let (from, to) = (from.index(characters.len() + 1), to.index(characters.len() + 1));
                let (from, to) = (from.min(to), from.max(to));
                characters[..from]
                    .iter()
                    .copied()
                    .chain(put.chars())
                    .chain(characters[to..].iter().copied())
                    .collect()
            })
    }

    proptest! {
        #[test]
        fn importing_never_panics_and_gives_what_can_be_read(
            lines in prop::collection::vec(prop_oneof![damaged(SLOW), damaged(ACCESS), "\\PC{0,80}".prop_map(String::from)], 0..8),
            slow in any::<Option<bool>>(),
        ) {
            let format = slow.map(|slow| if slow { Format::SlowLog } else { Format::Access });
            let imported = import(&lines.join("\n"), format);
            if !imported.lines.is_empty() {
                let read = recorded::read(&imported.lines.join("\n"), "x");
                prop_assert!(read.is_ok(), "{:?} of {:?}", read.unwrap_err(), imported.lines);
            }
            let set_aside: usize = imported.unusable.iter().map(|(_, lines)| lines.len()).sum();
            prop_assert_eq!(imported.read, imported.lines.len() + imported.repeated + imported.other + set_aside);
        }

        #[test]
        fn a_cut_line_is_never_taken(at in any::<prop::sample::Index>()) {
            // Up to the bracket that closes `source`, nothing says what the whole search was.
            let line = SLOW.lines().nth(1).unwrap();
            let end = line.rfind("}], extra_source[").unwrap() + 1;
            let cut: String = line.chars().take(at.index(end)).collect();
            prop_assert!(import(&cut, Some(Format::SlowLog)).lines.is_empty());
        }
    }
}
