//! What all sides have at one place.

use std::path::Path;

use super::runs::{Entry, Runs};
use super::sighting::parts;
use super::{Side, Sighting};
use crate::error::Result;

/// What the sides have at one place: at least one of them has something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// The place, as [`place`](super::place) made it.
    pub place: Vec<u8>,
    /// On the source.
    pub source: Option<Sighting>,
    /// On the target.
    pub target: Option<Sighting>,
    /// In the list of failures; a document may be there more than once.
    pub failures: Vec<Sighting>,
}

impl Meeting {
    /// Ordinal of the index, id and routing on the target.
    ///
    /// # Errors
    /// `State` for a damaged one.
    pub fn parts(&self) -> Result<(u32, String, Option<String>)> {
        parts(&self.place)
    }
}

/// Every place of the runs, in order. Where one side saw a document more than once, the highest version counts.
///
/// # Errors
/// `State` when a file is missing or damaged, or the disk refuses.
pub fn meet(runs: Runs, dir: &Path) -> Result<impl Iterator<Item = Result<Meeting>> + use<>> {
    let mut entries = runs.entries(dir)?.peekable();
    Ok(std::iter::from_fn(move || {
        let first = match entries.next()? {
            Ok(first) => first,
            Err(error) => return Some(Err(error)),
        };
        let place = first.place.clone();
        let mut meeting = Meeting { place, source: None, target: None, failures: Vec::new() };
        let mut taken = meeting.take(&first);
        while taken.is_ok()
            && let Some(next) =
                entries.next_if(|next| next.as_ref().is_ok_and(|next| next.place == meeting.place))
        {
            taken = next.and_then(|next| meeting.take(&next));
        }
        Some(taken.map(|()| meeting))
    }))
}

impl Meeting {
    fn take(&mut self, entry: &Entry) -> Result<()> {
        let sighting = Sighting::decode(&entry.sighting)?;
        let slot = match entry.side {
            Side::Source => &mut self.source,
            Side::Target => &mut self.target,
            Side::Failures => {
                self.failures.push(sighting);
                return Ok(());
            }
        };
        if slot.as_ref().is_none_or(|known| known.version <= sighting.version) {
            *slot = Some(sighting);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::{RunWriter, place};
    use super::*;

    type Seen = (u8, u16, Option<u8>, u64);

    fn run_of(path: &Path, room: u32, seen: &[Seen]) -> u32 {
        let mut writer = RunWriter::new(path.to_owned(), room);
        for (index, id, routing, version) in seen {
            let (id, routing) = (id.to_string(), routing.map(|routing| routing.to_string()));
            let place = place(u32::from(*index), &id, routing.as_deref()).unwrap();
            let sighting = Sighting { version: Some(*version), ..Sighting::default() };
            writer.push(&place, &sighting.encode().unwrap()).unwrap();
        }
        writer.finish().unwrap()
    }

    fn seen() -> impl Strategy<Value = Vec<Seen>> {
        prop::collection::vec((0..2_u8, 0..300_u16, prop::option::of(0..2_u8), 0..4_u64), 0..400)
    }

    fn highest(seen: &[Seen]) -> BTreeMap<(u32, String, Option<String>), u64> {
        let mut highest = BTreeMap::new();
        for (index, id, routing, version) in seen {
            let key = (u32::from(*index), id.to_string(), routing.map(|routing| routing.to_string()));
            let known = highest.entry(key).or_insert(*version);
            *known = (*known).max(*version);
        }
        highest
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn what_meets_is_what_both_sides_have(
            source in seen(),
            target in seen(),
            failures in seen(),
            // From one entry a run, so that runs are merged in two steps, to one run for everything.
            room in prop_oneof![Just(16_u32), Just(400), Just(1 << 20)],
        ) {
            let dir = tempfile::tempdir().unwrap();
            let mut runs = Runs::default();
            for (side, name, seen) in
                [(Side::Source, "s", &source), (Side::Target, "t", &target), (Side::Failures, "f", &failures)]
            {
                let path = dir.path().join(name);
                runs.add(side, &path, run_of(&path, room, seen));
            }
            let (mut on_source, mut on_target) = (BTreeMap::new(), BTreeMap::new());
            let mut failed = 0;
            let mut last: Option<Vec<u8>> = None;
            for meeting in meet(runs, dir.path()).unwrap() {
                let meeting = meeting.unwrap();
                prop_assert!(last.as_ref().is_none_or(|last| *last < meeting.place));
                let place = meeting.parts().unwrap();
                failed += meeting.failures.len();
                if let Some(sighting) = meeting.source {
                    on_source.insert(place.clone(), sighting.version.unwrap());
                }
                if let Some(sighting) = meeting.target {
                    on_target.insert(place, sighting.version.unwrap());
                }
                last = Some(meeting.place);
            }
            prop_assert_eq!(on_source, highest(&source));
            prop_assert_eq!(on_target, highest(&target));
            prop_assert_eq!(failed, failures.len());
        }
    }

    #[test]
    fn a_run_that_is_cut_is_no_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let written = run_of(&path, 1 << 20, &[(0, 1, None, 1), (0, 2, None, 1)]);
        assert_eq!(written, 1);
        let file = dir.path().join("s.0");
        let bytes = std::fs::read(&file).unwrap();
        for cut in 1..bytes.len() {
            std::fs::write(&file, &bytes[..cut]).unwrap();
            let mut runs = Runs::default();
            runs.add(Side::Source, &path, 1);
            let ended: Vec<_> = meet(runs, dir.path()).unwrap().collect();
            let whole = cut == bytes.len() / 2;
            assert_eq!(ended.iter().any(Result::is_err), !whole, "cut after {cut} of {}", bytes.len());
        }
    }
}
