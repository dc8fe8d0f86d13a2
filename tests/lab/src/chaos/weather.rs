//! The faults of a round: which requests of which side meet which fault, how likely, and how often at most.

use super::dice::Dice;
use crate::proxy::{Gate, Proxy, Rule, doubled_hits, last_hit_left_out, last_item_left_out};
use std::time::Duration;

/// The name of answers that end early, framed as if they were whole.
pub(super) const ENDED_EARLY: &str = "ended early";

/// Requests that a fault may meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Everything,
    Opens,
    Pages,
    Counts,
    Bulks,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Answered later, by so many milliseconds.
    Late(u64),
    /// The answer breaks off after so many hundredths of its body.
    Cut(usize),
    /// The answer ends early, framed as if it were whole.
    Truncated(usize),
    /// Carried out, and never answered.
    Unanswered,
    /// Never carried out: the connection is closed.
    Unasked,
    /// Refused with this status.
    Status(u16),
    /// Says that shards failed, or that fewer answered.
    Shards([i64; 3]),
    /// Given the answer that the request of its kind before had.
    Previous,
    /// Held until the client gives up.
    Hung,
    /// The outcome of the last document is missing in it.
    OutcomeLost,
    /// The last document of a page is missing.
    HitLost,
    /// Every document of a page comes twice.
    HitsTwice,
}

/// One fault with its odds.
#[derive(Debug, Clone, Copy)]
struct Gust {
    of: Of,
    fault: Fault,
    /// In a burst, one request after the other; else with so many hundredths.
    odds: Odds,
    times: u64,
}

#[derive(Debug, Clone, Copy)]
enum Odds {
    Hundredths { of: u64, seed: u64 },
    BurstAfter(u64),
}

/// The faults of both sides.
#[derive(Debug)]
pub(super) struct Weather {
    source: Vec<Gust>,
    target: Vec<Gust>,
}

const SOURCE: [Of; 5] = [Of::Pages, Of::Pages, Of::Opens, Of::Counts, Of::Everything];
const TARGET: [Of; 4] = [Of::Bulks, Of::Bulks, Of::Bulks, Of::Everything];

impl Weather {
    pub(super) fn draw(dice: &mut Dice) -> Weather {
        let mut gusts = |most: u64, of: &[Of]| {
            (0..dice.between(1, most)).map(|_| Gust::draw(dice, of)).collect::<Vec<_>>()
        };
        Weather { source: gusts(4, &SOURCE), target: gusts(4, &TARGET) }
    }

    /// Makes the faults from now on; hung requests are let go when `gate` is.
    pub(super) fn begin(&self, source: &Proxy, target: &Proxy, gate: &Gate) {
        for (gusts, proxy) in [(&self.source, source), (&self.target, target)] {
            for gust in gusts {
                proxy.rule(gust.rule(gate));
            }
        }
    }
}

impl Gust {
    fn draw(dice: &mut Dice, of: &[Of]) -> Gust {
        let of = dice.one_of(of);
        let fault = Fault::draw(dice, of);
        // Bounded by what a fault costs: attempts at a slice are ten in a row at most, a count that fails is asked for
        // again after two seconds, and a start that fails after five.
        let (most, likely) = match (fault, of) {
            (Fault::Late(_), _) => (60, 40),
            (Fault::Hung, _) => (1, 5),
            (_, Of::Counts) => (2, 5),
            (_, Of::Everything) => (4, 8),
            (_, Of::Pages | Of::Opens) => (4, 12),
            (_, Of::Bulks) => (4, 15),
        };
        let odds = match fault {
            Fault::Status(_) if dice.chance(50) => Odds::BurstAfter(dice.between(0, 40)),
            _ => Odds::Hundredths { of: dice.between(2, likely), seed: dice.between(0, u64::MAX) },
        };
        Gust { of, fault, odds, times: dice.between(1, most) }
    }

    fn rule(&self, gate: &Gate) -> Rule {
        let rule = match self.of {
            Of::Everything => Rule::any(),
            Of::Opens => Rule::on_opens(),
            Of::Pages => Rule::on_pages(),
            Of::Counts => Rule::any().when(|seen| seen.path.contains("/_count")),
            Of::Bulks => Rule::on_bulks(),
        };
        let rule = match self.odds {
            Odds::Hundredths { of, seed } => {
                let hundredths = u32::try_from(of).map_or(1.0, f64::from);
                rule.probability(hundredths / 100.0, seed)
            }
            Odds::BurstAfter(skipped) => rule.skip(skipped),
        };
        self.fault.made_by(rule.times(self.times), gate)
    }
}

impl Fault {
    fn draw(dice: &mut Dice, of: Of) -> Fault {
        let hundredths = usize::try_from(dice.between(0, 99)).unwrap_or_default();
        let usual = [
            Fault::Cut(hundredths),
            Fault::Unanswered,
            Fault::Unasked,
            Fault::Status(429),
            Fault::Status(503),
            Fault::Truncated(hundredths),
            Fault::Late(dice.between(5, 80)),
        ];
        let mut faults = usual.to_vec();
        if of != Of::Everything {
            faults.extend([Fault::Previous, Fault::Hung]);
        }
        match of {
            Of::Opens | Of::Pages | Of::Counts => {
                let wrong = dice.one_of(&[[1, 0, 0], [1, 1, 1], [1, -1, 0], [3, 2, 1]]);
                faults.extend([Fault::Shards(wrong), Fault::Shards(wrong)]);
                if of == Of::Pages {
                    faults.extend([Fault::HitLost, Fault::HitsTwice]);
                }
            }
            Of::Bulks => faults.push(Fault::OutcomeLost),
            Of::Everything => {}
        }
        dice.one_of(&faults)
    }

    fn made_by(self, rule: Rule, gate: &Gate) -> Rule {
        match self {
            Fault::Late(milliseconds) => rule.delay(Duration::from_millis(milliseconds)).called("late"),
            Fault::Cut(hundredths) => rule.cut_at(hundredths).called("cut off"),
            Fault::Truncated(hundredths) => rule.truncate_at(hundredths).called(ENDED_EARLY),
            Fault::Unanswered => rule.drop_after().called("done, not answered"),
            Fault::Unasked => rule.drop_before().called("closed"),
            Fault::Status(status) => rule.status(status).called(if status == 429 { "429" } else { "503" }),
            Fault::Shards([total, successful, failed]) => {
                rule.shards(total, successful, failed).called("shards missing")
            }
            Fault::Previous => rule.previous_answer().called("the answer before"),
            Fault::Hung => rule.hold(gate).called("hung"),
            Fault::OutcomeLost => rule.rewrite(last_item_left_out).called("an outcome missing"),
            Fault::HitLost => rule.rewrite(last_hit_left_out).called("a document missing"),
            Fault::HitsTwice => rule.rewrite(doubled_hits).called("documents twice"),
        }
    }
}
