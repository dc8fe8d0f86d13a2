//! How many bulk requests the target takes at once, found out from how they land.
//!
//! Two signals. A target that pushes back halves the width at once. Short of that, the time that a bulk takes for each
//! KiB, against what it takes where nothing queues, tells how many bulks wait inside the server (the estimate of TCP
//! Vegas): fewer than [`FEW`] and the width grows, more than [`MANY`] and it shrinks. What it takes where nothing
//! queues is measured again every now and then at half the width, since a target changes during a copy of days.

use std::time::Duration;

use crate::config::Bulks;

/// Width at the start, within the bounds.
const FIRST: usize = 4;
/// Bulks waiting inside the target: below, it could take more.
const FEW: f64 = 2.0;
/// Bulks waiting inside the target: above, they only wait.
const MANY: f64 = 4.0;
/// Landings between two looks at the time without a queue.
const LOOK_EVERY: u32 = 256;
/// Landings that make such a look.
const LOOKS: u32 = 8;
/// Weight of the newest bulk in what is usual: one in so many.
const MEMORY: f64 = 8.0;

/// What one bulk request told about the load of the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Landing {
    /// Taken.
    Well {
        /// From the request to the whole answer.
        took: Duration,
        /// Size of the body.
        bytes: usize,
        /// No other could have been sent meanwhile.
        full: bool,
    },
    /// Refused for now, in part or whole, or not answered in time.
    Overloaded,
}

/// The width, and what it is judged by.
#[derive(Debug)]
pub(super) struct Congestion {
    bounds: Bulks,
    width: usize,
    /// Landings in favour of one more, or, below zero, one less.
    votes: isize,
    /// Number of the next bulk to be sent.
    next: u64,
    /// Bulks before this one were sent at another width, after which nothing may be learnt from them.
    from: u64,
    /// Size of a usual bulk; the short one at the end of a slice costs more a KiB.
    usual_bytes: f64,
    /// Seconds a KiB, now and where nothing queues.
    cost: Option<f64>,
    free_cost: Option<f64>,
    since_look: u32,
    look: Option<Look>,
}

/// A look at the time without a queue, at a smaller width.
#[derive(Debug, Clone, Copy)]
struct Look {
    width_before: usize,
    landings: u32,
    costs: f64,
}

impl Congestion {
    pub(super) fn new(bounds: Bulks) -> Self {
        Congestion {
            bounds,
            width: FIRST.clamp(bounds.min, bounds.max),
            votes: 0,
            next: 0,
            from: 0,
            usual_bytes: 0.0,
            cost: None,
            free_cost: None,
            since_look: 0,
            look: None,
        }
    }

    /// Bulks that may be in flight.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Other bounds, from now on.
    pub(super) fn bound(&mut self, bounds: Bulks) {
        if bounds != self.bounds {
            *self =
                Congestion { width: self.width, next: self.next, from: self.next, ..Congestion::new(bounds) };
            self.width = self.width.clamp(bounds.min, bounds.max);
        }
    }

    /// A bulk is sent; its number, for [`landed`](Self::landed).
    pub(super) fn sent(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// It landed.
    pub(super) fn landed(&mut self, number: u64, landing: Landing) {
        if self.bounds.min == self.bounds.max || number < self.from {
            return;
        }
        match landing {
            Landing::Overloaded => {
                let before = self.look.take().map_or(self.width, |look| look.width_before);
                self.set((before / 2).min(self.width));
            }
            Landing::Well { took, bytes, full } => {
                let kib = kib(bytes);
                let usual = if self.usual_bytes == 0.0 { kib } else { self.usual_bytes };
                self.usual_bytes = usual + (kib - usual) / MEMORY;
                if kib >= usual / 2.0 {
                    self.learn(took.as_secs_f64() / kib, full);
                }
            }
        }
    }

    fn learn(&mut self, cost: f64, full: bool) {
        if let Some(look) = &mut self.look {
            look.landings += 1;
            look.costs += cost;
            if look.landings == LOOKS {
                let Look { width_before, costs, .. } = *look;
                self.look = None;
                self.free_cost = Some(costs / f64::from(LOOKS));
                self.cost = None;
                self.set(width_before);
            }
            return;
        }
        let usual = self.cost.map_or(cost, |usual| usual + (cost - usual) / MEMORY);
        self.cost = Some(usual);
        let free = self.free_cost.map_or(usual, |free| free.min(usual));
        self.free_cost = Some(free);
        self.since_look += 1;
        if self.since_look >= LOOK_EVERY && self.width > self.bounds.min {
            self.since_look = 0;
            self.look = Some(Look { width_before: self.width, landings: 0, costs: 0.0 });
            self.set(self.width / 2);
            return;
        }
        let queue = count(self.width) * (1.0 - free / usual);
        if queue < FEW && full {
            self.votes += 1;
        } else if queue > MANY {
            self.votes -= 1;
        }
        // One round of bulks has to agree.
        if self.votes.unsigned_abs() >= self.width {
            let one = if self.votes > 0 { self.width + 1 } else { self.width - 1 };
            self.votes = 0;
            self.width = one.clamp(self.bounds.min, self.bounds.max);
        }
    }

    fn set(&mut self, width: usize) {
        self.width = width.clamp(self.bounds.min, self.bounds.max);
        self.votes = 0;
        self.from = self.next;
    }
}

fn kib(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX).max(1))
}

fn count(width: usize) -> f64 {
    f64::from(u32::try_from(width).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// A target that works on `servers` bulks at once and lets the others wait, each `work` long, up to `queue` of them.
    struct Target {
        servers: usize,
        work: f64,
        queue: usize,
    }

    /// Keeps the target as busy as the width allows, for so many bulks; returns how many were in flight at the end.
    fn load(congestion: &mut Congestion, target: &Target, bulks: usize) -> usize {
        let mut now = 0.0_f64;
        let mut free = vec![0.0_f64; target.servers];
        let mut flights: VecDeque<(u64, f64, f64)> = VecDeque::new();
        for _ in 0..bulks {
            while flights.len() < congestion.width() {
                let number = congestion.sent();
                if flights.len() >= target.servers + target.queue {
                    flights.push_back((number, now, f64::NAN));
                    continue;
                }
                let earliest = free.iter_mut().min_by(|a, b| a.total_cmp(b)).unwrap();
                let ends = earliest.max(now) + target.work;
                *earliest = ends;
                flights.push_back((number, now, ends));
            }
            let full = flights.len() >= congestion.width();
            let (number, began, ends) = flights.pop_front().unwrap();
            if ends.is_nan() {
                congestion.landed(number, Landing::Overloaded);
                continue;
            }
            now = now.max(ends);
            let took = Duration::from_secs_f64(ends - began);
            congestion.landed(number, Landing::Well { took, bytes: 4 << 20, full });
        }
        congestion.width()
    }

    proptest! {
        #[test]
        fn the_width_settles_where_the_target_is_busy_and_little_waits(
            servers in 1_usize..12, work in 0.001_f64..5.0, bulks in 2000_usize..4000,
        ) {
            let mut congestion = Congestion::new(Bulks { min: 1, max: 64 });
            load(&mut congestion, &Target { servers, work, queue: usize::MAX >> 1 }, bulks);
            let width = congestion.look.map_or(congestion.width, |look| look.width_before);
            // With one server half of the width waits even during a look: twice as much then seems to be free.
            prop_assert!(width >= servers && width <= servers + 8, "{width} for {servers}");
        }

        #[test]
        fn bounds_hold_whatever_happens(
            min in 1_usize..8, more in 0_usize..24,
            landings in prop::collection::vec((0_u64..3, 1_u64..100_000, prop::bool::ANY, 0_usize..1 << 24), 0..600),
        ) {
            let bounds = Bulks { min, max: min + more };
            let mut congestion = Congestion::new(bounds);
            for (kind, millis, full, bytes) in landings {
                let number = congestion.sent();
                congestion.landed(number, match kind {
                    0 => Landing::Overloaded,
                    _ => Landing::Well { took: Duration::from_millis(millis), bytes, full },
                });
                prop_assert!((bounds.min..=bounds.max).contains(&congestion.width()));
            }
        }
    }

    #[test]
    fn a_target_that_gets_slower_gets_less_and_more_again_when_it_recovers() {
        let mut congestion = Congestion::new(Bulks::AUTO);
        let healthy = Target { servers: 8, work: 0.2, queue: 200 };
        let wide = load(&mut congestion, &healthy, 2000);
        assert!(wide >= 8, "{wide}");
        let narrow = load(&mut congestion, &Target { servers: 1, ..healthy }, 2000);
        assert!(narrow < wide, "{narrow}");
        let again = load(&mut congestion, &healthy, 2000);
        assert!(again >= 8, "{again}");
    }

    #[test]
    fn a_target_that_refuses_is_given_half_once_for_all_that_were_in_flight() {
        let mut congestion = Congestion::new(Bulks { min: 2, max: 16 });
        congestion.width = 16;
        let numbers: Vec<u64> = (0..16).map(|_| congestion.sent()).collect();
        numbers.iter().for_each(|number| congestion.landed(*number, Landing::Overloaded));
        assert_eq!(congestion.width(), 8);
        for expected in [4, 2, 2] {
            let number = congestion.sent();
            congestion.landed(number, Landing::Overloaded);
            assert_eq!(congestion.width(), expected);
        }
        let small_queue = Target { servers: 2, work: 0.1, queue: 2 };
        let width = load(&mut congestion, &small_queue, 1000);
        assert!(width <= 6, "{width}");
    }

    #[test]
    fn a_fixed_number_stays_and_other_bounds_hold_at_once() {
        let mut congestion = Congestion::new(Bulks::fixed(6));
        let number = congestion.sent();
        congestion.landed(number, Landing::Overloaded);
        assert_eq!(congestion.width(), 6);
        congestion.bound(Bulks { min: 1, max: 3 });
        assert_eq!(congestion.width(), 3);
        congestion.bound(Bulks::fixed(9));
        assert_eq!(congestion.width(), 9);
    }

    #[test]
    fn small_bulks_tell_nothing_of_what_a_kib_costs() {
        let mut congestion = Congestion::new(Bulks::AUTO);
        let land = |congestion: &mut Congestion, millis, bytes| {
            let number = congestion.sent();
            congestion
                .landed(number, Landing::Well { took: Duration::from_millis(millis), bytes, full: true });
        };
        (0..8).for_each(|_| land(&mut congestion, 400, 4 << 20));
        let before = congestion.cost;
        land(&mut congestion, 50, 2048);
        assert_eq!(congestion.cost, before);
    }
}
