//! What both sides have at once, while both change: a document is watched for a while, and the sides need not show the
//! same at the same moment.

use std::time::Duration;

use tokio::time::Instant;

use super::Verification;
use super::candidates::Candidate;
use super::judging::{Judged, judge};
use super::looking::{Expected, Look};
use crate::cluster::held::Held;
use crate::diff::Content;
use crate::engine::sides::Depth;
use crate::error::Result;

/// Between two looks at the same documents.
const PAUSE: Duration = Duration::from_millis(300);
/// Looks after which the source is searched again for documents that it did not have: that has to refresh it.
const SEARCHED_EVERY: u32 = 5;
/// So long a difference has to stay as it is to be one, after all that was under way has come over.
const REST: Duration = Duration::from_secs(3);
/// So long documents are watched that change at every look.
const WATCH: Duration = Duration::from_secs(12);

/// What looks at candidates came to.
#[derive(Debug, Default)]
#[must_use]
pub(super) struct Settled {
    /// Both sides had the same.
    pub(super) same: u64,
    /// They differ, and nothing more is under way.
    pub(super) certain: Vec<(Look, Judged)>,
    /// Something may be under way still.
    pub(super) moving: Vec<(Look, Judged)>,
}

/// What a side had, as far as it can be compared; absent where it had nothing.
type State = Option<(Option<u64>, Option<Content>)>;

/// A document under watch.
struct Watched {
    last: Look,
    judged: Judged,
    /// As it is since the watch began.
    rests: bool,
    on_source: Vec<State>,
    on_target: Vec<State>,
}

impl Verification<'_> {
    /// Looks at candidates. Where something follows the source, what differs is watched, if all changes that were under
    /// way when it was seen before have passed since: each side shows the changes in its time, so that what one of them had
    /// at one look may be what the other has at another.
    pub(super) async fn settle(&self, candidates: Vec<Candidate>) -> Result<Settled> {
        let mut settled = Settled::default();
        let mut watched: Vec<Watched> = Vec::new();
        for look in self.look(candidates).await? {
            let judged = self.judged(&look);
            match (judged == Judged::Same, self.followed, look.candidate.seen) {
                (true, ..) => settled.same += 1,
                (false, false, _) => settled.certain.push((look, judged)),
                (false, true, None) => settled.moving.push((look, judged)),
                (false, true, Some(_)) => {
                    let (on_source, on_target) = self.states(&look);
                    watched.push(Watched {
                        last: look,
                        judged,
                        rests: true,
                        on_source: on_source.into_iter().collect(),
                        on_target: on_target.into_iter().collect(),
                    });
                }
            }
        }
        let began = Instant::now();
        let mut looks = 0;
        while !watched.is_empty() {
            let stopped = tokio::select! {
                () = tokio::time::sleep(PAUSE) => false,
                () = self.sides.stop.cancelled() => true,
            };
            let waited = began.elapsed();
            looks += 1;
            watched = self.watch(watched, looks, &mut settled).await?;
            let mut left = Vec::new();
            for one in watched {
                if waited >= REST && one.is_at_rest() {
                    settled.certain.push((one.last, one.judged));
                } else if stopped || waited >= WATCH {
                    settled.moving.push((one.last, one.judged));
                } else {
                    left.push(one);
                }
            }
            watched = left;
        }
        Ok(settled)
    }

    /// One more look at each; what turns out to be the same is counted and left out.
    async fn watch(&self, watched: Vec<Watched>, looks: u32, settled: &mut Settled) -> Result<Vec<Watched>> {
        let searched = looks.is_multiple_of(SEARCHED_EVERY);
        let (seen, mut left): (Vec<_>, Vec<_>) =
            watched.into_iter().partition(|one| searched || one.last.candidate.source.is_some());
        let candidates = seen.iter().map(|one| one.last.candidate.clone()).collect();
        for (mut one, look) in seen.into_iter().zip(self.look(candidates).await?) {
            let judged = self.judged(&look);
            one.rests &= one.last.seen() == look.seen() && one.judged == judged;
            if judged == Judged::Same || one.meets(self.states(&look)) {
                settled.same += 1;
                continue;
            }
            left.push(Watched { last: look, judged, ..one });
        }
        Ok(left)
    }

    fn judged(&self, look: &Look) -> Judged {
        judge(look, self.sides.depth, self.sides.versions)
    }

    /// What either side has; absent where it cannot be said.
    fn states(&self, look: &Look) -> (Option<State>, Option<State>) {
        let state = |version: u64, source: &[u8]| {
            let version = self.sides.versions.then_some(version);
            let content = (self.sides.depth == Depth::Contents).then(|| Content::of(source));
            Some((version, content))
        };
        let on_source = match &look.expected {
            Expected::Document { version, source } => Some(state(*version, source)),
            Expected::Nothing(_) => Some(None),
            Expected::Impossible(..) | Expected::Unreadable(_) => None,
        };
        let on_target = match &look.found {
            Held::There { version, source, .. } => Some(state(*version, source)),
            Held::Absent => Some(None),
            Held::Refused(_) => None,
        };
        (on_source, on_target)
    }
}

impl Watched {
    /// Neither side has changed while everything that was under way came over, nor since.
    fn is_at_rest(&self) -> bool {
        self.rests && self.last.candidate.seen == Some(self.last.seen())
    }

    /// Takes what both sides have now, and says whether one of them has what the other had or has.
    fn meets(&mut self, (on_source, on_target): (Option<State>, Option<State>)) -> bool {
        self.on_source.extend(on_source);
        self.on_target.extend(on_target);
        on_source.is_some_and(|state| self.on_target.contains(&state))
            || on_target.is_some_and(|state| self.on_source.contains(&state))
    }
}
