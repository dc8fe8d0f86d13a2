//! Which requests meet which fault, and how often.

use super::gate::Gate;
use super::rewrite;
use bytes::Bytes;
use hyper::{HeaderMap, Method};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a rule may look at.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The method.
    pub method: &'a Method,
    /// Path and query.
    pub path: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The whole body, decompressed.
    pub body: &'a Bytes,
}

type Predicate = Arc<dyn Fn(&Seen<'_>) -> bool + Send + Sync>;
type Rewrite = Arc<dyn Fn(Bytes) -> Bytes + Send + Sync>;

/// What happens to a request that a rule applies to.
#[derive(Clone)]
pub(super) enum Fault {
    /// Nothing but the delay or the gate.
    None,
    /// Answered without asking the server, as this media type.
    Answer(u16, &'static str, Bytes),
    /// The server's answer is said to be of this media type.
    MediaType(&'static str),
    /// The connection is closed without asking the server.
    DropBefore,
    /// The server is asked, and the connection closed without an answer.
    DropAfter,
    /// The connection is closed after so many hundredths of the answer's body.
    Cut(usize),
    /// The body ends early, and the framing says that this is all.
    Truncate(usize),
    /// The server's answer is changed.
    Rewrite(Rewrite),
    /// The server is asked, and the answer that it gave last to the same method and path is given again.
    Previous,
}

/// Faults for some of the requests.
#[derive(Clone)]
pub struct Rule {
    predicates: Vec<Predicate>,
    skip: u64,
    times: Option<u64>,
    probability: Option<(f64, u64)>,
    pub(super) delay: Option<Duration>,
    pub(super) gate: Option<Gate>,
    pub(super) fault: Fault,
    name: Option<&'static str>,
}

impl Rule {
    /// For every request.
    pub fn any() -> Rule {
        Rule {
            predicates: Vec::new(),
            skip: 0,
            times: None,
            probability: None,
            delay: None,
            gate: None,
            fault: Fault::None,
            name: None,
        }
    }

    /// For requests with this method whose path and query contain `part`.
    pub fn on(method: Method, part: &str) -> Rule {
        let part = part.to_owned();
        Rule::any().when(move |seen| *seen.method == method && seen.path.contains(&part))
    }

    /// For requests that open a scroll or a scan.
    pub fn on_opens() -> Rule {
        Rule::any().when(|seen| {
            let (path, query) = seen.path.split_once('?').unwrap_or((seen.path, ""));
            path.ends_with("/_search") && query.contains("scroll=")
        })
    }

    /// For requests for the next page of a scroll or a scan.
    pub fn on_pages() -> Rule {
        Rule::any().when(|seen| seen.path.contains("/_search/scroll") && *seen.method != Method::DELETE)
    }

    /// For bulk requests.
    pub fn on_bulks() -> Rule {
        Rule::any().when(|seen| seen.path.split('?').next().is_some_and(|path| path.ends_with("/_bulk")))
    }

    /// Only where this, too, says yes.
    pub fn when<F: Fn(&Seen<'_>) -> bool + Send + Sync + 'static>(mut self, predicate: F) -> Rule {
        self.predicates.push(Arc::new(predicate));
        self
    }

    /// Only where the body contains this text.
    pub fn body_contains(self, text: &str) -> Rule {
        let text = text.as_bytes().to_vec();
        self.when(move |seen| text.is_empty() || seen.body.windows(text.len()).any(|window| window == text))
    }

    /// Not for the first `count` requests that it would apply to.
    pub fn skip(mut self, count: u64) -> Rule {
        self.skip = count;
        self
    }

    /// For so many requests at most.
    pub fn times(mut self, count: u64) -> Rule {
        self.times = Some(count);
        self
    }

    /// With this probability, between 0 and 1; the same seed draws the same lots.
    pub fn probability(mut self, probability: f64, seed: u64) -> Rule {
        self.probability = Some((probability.clamp(0.0, 1.0), seed));
        self
    }

    /// Waits before the request is forwarded, or before the other fault is made.
    pub fn delay(mut self, delay: Duration) -> Rule {
        self.delay = Some(delay);
        self
    }

    /// Holds the request at a gate, before it is forwarded, until that is released.
    pub fn hold(mut self, gate: &Gate) -> Rule {
        self.gate = Some(gate.clone());
        self
    }

    /// Answers with this status and a short JSON body, without asking the server.
    pub fn status(self, status: u16) -> Rule {
        let kind = if status == 429 { "es_rejected_execution_exception" } else { "made_by_the_proxy" };
        let body =
            format!(r#"{{"error":{{"type":"{kind}","reason":"made by the proxy"}},"status":{status}}}"#);
        self.answer(status, body)
    }

    /// Answers with this status and body, without asking the server.
    pub fn answer(mut self, status: u16, body: impl Into<Bytes>) -> Rule {
        self.fault = Fault::Answer(status, "application/json; charset=UTF-8", body.into());
        self
    }

    /// Answers with this status and a page for people, as a proxy does, without asking the server.
    pub fn html(mut self, status: u16) -> Rule {
        let page = format!("<!DOCTYPE html>\r\n<html><body>{status}: we are back in a moment</body></html>");
        self.fault = Fault::Answer(status, "text/html", page.into());
        self
    }

    /// Says another media type of the server's answer than the server did.
    pub fn media_type(mut self, media_type: &'static str) -> Rule {
        self.fault = Fault::MediaType(media_type);
        self
    }

    /// Closes the connection without asking the server.
    pub fn drop_before(mut self) -> Rule {
        self.fault = Fault::DropBefore;
        self
    }

    /// Asks the server, and closes the connection without an answer: what was asked has been done.
    pub fn drop_after(mut self) -> Rule {
        self.fault = Fault::DropAfter;
        self
    }

    /// Closes the connection in the middle of the answer's body.
    pub fn cut(self) -> Rule {
        self.cut_at(50)
    }

    /// Closes the connection after so many hundredths of the answer's body.
    pub fn cut_at(mut self, hundredths: usize) -> Rule {
        self.fault = Fault::Cut(hundredths.min(100));
        self
    }

    /// Leaves out the end of the body, framed as if it were whole.
    pub fn truncate_at(mut self, hundredths: usize) -> Rule {
        self.fault = Fault::Truncate(hundredths.min(100));
        self
    }

    /// Changes the body of the server's answer.
    pub fn rewrite<F: Fn(Bytes) -> Bytes + Send + Sync + 'static>(mut self, change: F) -> Rule {
        self.fault = Fault::Rewrite(Arc::new(change));
        self
    }

    /// Says other numbers of shards than the server did.
    pub fn shards(self, total: i64, successful: i64, failed: i64) -> Rule {
        self.rewrite(rewrite::with_shards(total, successful, failed))
    }

    /// Asks the server, and gives the answer before this one again (the same one, when there is none before).
    pub fn previous_answer(mut self) -> Rule {
        self.fault = Fault::Previous;
        self
    }

    /// Under this name its faults are recorded, in place of what they do.
    pub fn called(mut self, name: &'static str) -> Rule {
        self.name = Some(name);
        self
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("verb", &self.verb()).field("times", &self.times).finish_non_exhaustive()
    }
}

impl Rule {
    pub(super) fn verb(&self) -> &'static str {
        if let Some(name) = self.name {
            return name;
        }
        match self.fault {
            Fault::None if self.gate.is_some() => "hold",
            Fault::None => "delay",
            Fault::Answer(..) => "answer",
            Fault::MediaType(_) => "media-type",
            Fault::DropBefore => "drop-before",
            Fault::DropAfter => "drop-after",
            Fault::Cut(_) => "cut",
            Fault::Truncate(_) => "truncate",
            Fault::Rewrite(_) => "rewrite",
            Fault::Previous => "previous",
        }
    }
}

/// A rule with its counts and lots.
#[derive(Debug)]
pub(crate) struct Armed {
    rule: Rule,
    matched: u64,
    applied: u64,
    lots: ChaCha8Rng,
}

impl Armed {
    pub(super) fn new(rule: Rule) -> Armed {
        let seed = rule.probability.map_or(0, |(_, seed)| seed);
        Armed { rule, matched: 0, applied: 0, lots: ChaCha8Rng::seed_from_u64(seed) }
    }

    pub(super) fn applied(&self) -> u64 {
        self.applied
    }

    /// The rule, when it applies to this request; then it is counted.
    pub(super) fn take(&mut self, seen: &Seen<'_>) -> Option<Rule> {
        if self.rule.times.is_some_and(|times| self.applied >= times)
            || !self.rule.predicates.iter().all(|predicate| predicate(seen))
        {
            return None;
        }
        self.matched += 1;
        if self.matched <= self.rule.skip {
            return None;
        }
        if let Some((probability, _)) = self.rule.probability
            && !self.lots.random_bool(probability)
        {
            return None;
        }
        self.applied += 1;
        Some(self.rule.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_then_applies_so_often() {
        let mut armed = Armed::new(Rule::on(Method::POST, "/_bulk").skip(1).times(2).status(503));
        let (post, get, body) = (Method::POST, Method::GET, Bytes::new());
        let bulk = Seen { method: &post, path: "/_bulk?x", headers: &HeaderMap::new(), body: &body };
        let other = Seen { method: &get, path: "/_bulk", headers: &HeaderMap::new(), body: &body };
        let outcome: Vec<bool> = (0..5).map(|_| armed.take(&bulk).is_some()).collect();
        assert_eq!(outcome, [false, true, true, false, false]);
        assert!(armed.take(&other).is_none());
        assert_eq!(armed.applied(), 2);
    }

    #[test]
    fn lots_are_drawn_the_same_again() {
        let (get, body) = (Method::GET, Bytes::from_static(b"abc"));
        let seen = Seen { method: &get, path: "/", headers: &HeaderMap::new(), body: &body };
        let draw = || {
            let mut armed = Armed::new(Rule::any().body_contains("b").probability(0.5, 7).drop_after());
            (0..64).map(|_| armed.take(&seen).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
        assert!(draw().contains(&true) && draw().contains(&false));
    }
}
