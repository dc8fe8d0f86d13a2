//! What one process of a round lives through: at which moments it is killed, stopped, frozen, or cut off.

use super::dice::Dice;

/// When something happens, counted from the start of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// After so many milliseconds.
    Milliseconds(u64),
    /// When so many requests have come to both sides together.
    Requests(u64),
    /// When so many counts were asked for: while it plans.
    Counts(u64),
    /// When so many pages were asked for.
    Pages(u64),
    /// When so many bulks have come.
    Bulks(u64),
    /// When so many bulks are answered: the process is about to store what it was told.
    BulksAnswered(u64),
    /// When so many slices were given back, right after their checkpoint.
    SlicesEnded(u64),
    /// When so many failed documents were searched for again.
    Searches(u64),
}

/// What happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// `kill -9`.
    Kill,
    /// SIGTERM.
    Terminate,
    /// SIGSTOP, and SIGCONT after so many milliseconds.
    Freeze(u64),
    /// A side refuses connections for so many milliseconds.
    Refuse(Side, u64),
    /// A side takes requests and answers nothing for so many milliseconds.
    Silence(Side, u64),
    /// What the daemon says is held against what the target has.
    Ask,
    /// The weather ends.
    Calm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Target,
}

/// Something that happens at a moment, and a little later.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    pub(super) at: Moment,
    /// Microseconds after it.
    pub(super) later: u64,
    pub(super) deed: Deed,
}

/// A process from its start to its end.
#[derive(Debug)]
pub(super) struct Life {
    /// `run --once`, else `run`, which waits for clusters with patience and stays when it is done.
    pub(super) once: bool,
    pub(super) acts: Vec<Act>,
}

/// The lives of a round, all but the last one in bad weather.
pub(super) fn draw(dice: &mut Dice) -> Vec<Life> {
    let mut lives: Vec<Life> = (0..dice.between(2, 4)).map(|_| Life::that_ends(dice)).collect();
    let calm = Act { at: moment_of_copying(dice), later: 0, deed: Deed::Calm };
    lives.push(Life { once: true, acts: passing(dice).into_iter().chain([calm]).collect() });
    lives
}

/// The ends of processes that try failures again; the last tries are made in good weather.
pub(super) fn draw_of_retries(dice: &mut Dice) -> Vec<Life> {
    (0..dice.between(1, 3))
        .map(|_| {
            let moments = [
                Moment::Searches(1),
                Moment::Bulks(dice.between(1, 3)),
                Moment::BulksAnswered(1),
                Moment::Requests(dice.between(3, 14)),
            ];
            let deeds = [Deed::Kill, Deed::Kill, Deed::Freeze(dice.between(20, 300)), Deed::Ask];
            let (at, deed) = (dice.one_of(&moments), dice.one_of(&deeds));
            Life { once: dice.chance(50), acts: vec![Act { at, later: moment_later(dice), deed }] }
        })
        .collect()
}

impl Life {
    fn that_ends(dice: &mut Dice) -> Life {
        let mut acts = passing(dice);
        if dice.chance(40) {
            acts.push(Act { at: moment_of_copying(dice), later: 0, deed: Deed::Ask });
        }
        let deed = if dice.chance(75) { Deed::Kill } else { Deed::Terminate };
        acts.push(Act { at: moment(dice), later: moment_later(dice), deed });
        Life { once: dice.chance(80), acts }
    }
}

/// What passes by and kills nobody.
fn passing(dice: &mut Dice) -> Vec<Act> {
    if !dice.chance(35) {
        return Vec::new();
    }
    let side = dice.one_of(&[Side::Source, Side::Target]);
    let milliseconds = dice.between(20, 600);
    let deed = dice.one_of(&[
        Deed::Freeze(milliseconds),
        Deed::Freeze(milliseconds),
        Deed::Refuse(side, milliseconds),
        Deed::Silence(side, milliseconds),
    ]);
    vec![Act { at: moment(dice), later: moment_later(dice), deed }]
}

fn moment(dice: &mut Dice) -> Moment {
    if !dice.chance(35) {
        return moment_of_copying(dice);
    }
    let early = [
        Moment::Milliseconds(dice.between(0, 400)),
        Moment::Requests(dice.between(1, 120)),
        Moment::Counts(dice.between(1, 80)),
    ];
    dice.one_of(&early)
}

fn moment_of_copying(dice: &mut Dice) -> Moment {
    let (many, few) = (dice.between(1, 15), dice.between(1, 4));
    dice.one_of(&[
        Moment::Pages(many),
        Moment::Bulks(many),
        Moment::BulksAnswered(many),
        Moment::BulksAnswered(few),
        Moment::SlicesEnded(few),
        Moment::SlicesEnded(few),
    ])
}

/// At once, or within what a checkpoint takes, or somewhat later.
fn moment_later(dice: &mut Dice) -> u64 {
    let longest = dice.one_of(&[0, 2_000, 10_000, 60_000]);
    dice.between(0, longest)
}
