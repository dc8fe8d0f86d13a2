//! What has to be true after every end of a process, and at the end of a round.

use super::settings::NAME;
use super::stage::Stage;
use crate::compare::{Criteria, Key, compare_by};
use crate::endpoint::Endpoint;
use crate::place;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What was seen of the slices so far.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Where slices lie that were seen to be done, and how many requests the source had had by then.
    done: BTreeMap<String, usize>,
    slices: usize,
    /// Documents that were taken away from the source after they had been read.
    pub(super) gone: u64,
    /// Attempts beyond the first, at all slices.
    pub(super) again: u64,
}

/// Both sides of a round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) old: &'a Endpoint,
    pub(super) from: &'a str,
    pub(super) new: &'a Endpoint,
    pub(super) to: &'a str,
}

impl Evidence {
    /// Looks at the store while no process runs: what is done stays done, and the totals are those of the slices and
    /// no more than the target has. Returns the status, once there is one.
    pub(super) async fn look(&mut self, stage: &Stage, sides: Sides<'_>) -> Result<Option<Value>> {
        let requests = stage.source.look(<[_]>::len);
        if !stage.daemon.state_dir().join("store").exists() {
            ensure!(self.done.is_empty(), "the store is gone");
            return Ok(None);
        }
        let copy = stage.daemon.copy_of_state()?;
        let (code, mut status, said) = stage.printed(&["status", "--json"], copy.path())?;
        ensure!(code == 0, "status ended with {code}: {said}");
        let status = status.pop().and_then(|status| status.pointer("/migrations/0").cloned());
        let Some(status) = status else {
            ensure!(self.done.is_empty(), "the store has forgotten the migration");
            return Ok(None);
        };
        let (code, slices, said) = stage.printed(&["slices", NAME, "--json"], copy.path())?;
        ensure!(code == 0, "slices ended with {code}: {said}");
        let failures = stage.failures(copy.path())?;
        self.take(&slices, requests)?;
        self.totals_are_true(&status, &slices, failures.len() as u64)?;
        let (written, present) = (number(&status, "/counts/written"), number(&status, "/counts/present"));
        if written + present > 0 {
            sides.new.refresh(sides.to).await?;
            let there = sides.new.count(sides.to).await?;
            ensure!(written + present <= there, "{there} documents are there, and told is {status:#}");
        }
        Ok(Some(status))
    }

    /// Done slices stay done, and planned ones planned.
    fn take(&mut self, slices: &[Value], requests: usize) -> Result<()> {
        ensure!(slices.len() >= self.slices, "there were {} slices, and are {}", self.slices, slices.len());
        self.slices = slices.len();
        let done: BTreeSet<String> = slices
            .iter()
            .filter(|slice| slice["state"] == "done")
            .map(|slice| place::of_slice(slice).with_context(|| format!("a slice without a place: {slice}")))
            .collect::<Result<_>>()?;
        let lost = self.done.keys().find(|place| !done.contains(*place));
        ensure!(lost.is_none(), "slice {lost:?} was done and is no more");
        for place in done {
            self.done.entry(place).or_insert(requests);
        }
        let attempts: u64 = slices.iter().map(|slice| number(slice, "/attempts").saturating_sub(1)).sum();
        self.again = attempts;
        Ok(())
    }

    /// How many slices there are.
    pub(super) fn slices(&self) -> u64 {
        self.slices as u64
    }

    /// No request opened a slice that was seen to be done.
    pub(super) fn nothing_done_is_read_again(&self, stage: &Stage) -> Result<()> {
        for (position, request) in stage.source.requests().iter().enumerate() {
            if request.is_open() {
                let place = place::opened(request).with_context(|| {
                    format!("an open without a place: {} {}", request.path, request.text())
                })?;
                let again = self.done.get(&place).is_some_and(|&when| position >= when);
                ensure!(!again, "slice {place} was done, and request {position} opens it again");
            }
        }
        Ok(())
    }

    /// Totals are what the slices that are done add up to, and every failure that is counted is listed.
    fn totals_are_true(&self, status: &Value, slices: &[Value], listed: u64) -> Result<()> {
        let done = || slices.iter().filter(|slice| slice["state"] == "done");
        let sum = |name: &str| done().map(|slice| number(slice, &format!("/counts/{name}"))).sum::<u64>();
        for name in ["read", "written", "present", "superseded", "rejected", "gone"] {
            let told = number(status, &format!("/counts/{name}"));
            ensure!(told == sum(name), "{name} is {told}, and the slices say {}: {status:#}", sum(name));
        }
        let gone = sum("gone");
        let settled = sum("written") + sum("present") + sum("superseded") + sum("rejected") + gone;
        ensure!(sum("read") == settled, "{} were read and {settled} settled: {status:#}", sum("read"));
        ensure!(gone <= self.gone, "{gone} are said to be gone, and {} are: {status:#}", self.gone);
        ensure!(number(status, "/docs_settled") == settled, "{settled} are settled: {status:#}");
        let many = done().count() as u64;
        ensure!(number(status, "/slices/done") == many, "{many} slices are done: {status:#}");
        ensure!(sum("rejected") == listed, "{listed} failures are listed: {status:#}");
        Ok(())
    }
}

/// Both sides are the same, document by document, but for those that are listed as failures; and the status says so.
/// Returns how many documents were compared.
pub(super) async fn arrived(stage: &Stage, sides: Sides<'_>, versions: bool, status: &Value) -> Result<u64> {
    let Sides { old, from, new, to } = sides;
    let compared = compare_by((old, from), (new, to), Criteria { types: false, versions }).await?;
    let listed: BTreeSet<Key> = stage.failures(&stage.daemon.state_dir())?.iter().map(key).collect();
    let missing: BTreeSet<Key> = compared.missing.iter().cloned().collect();
    ensure!(compared.extra.is_empty() && compared.different.is_empty(), "{compared}");
    let silent: Vec<String> = missing.difference(&listed).take(5).map(Key::to_string).collect();
    ensure!(silent.is_empty(), "missing, and not listed as failures: {silent:?}; {compared}");
    let wrong: Vec<String> = listed.difference(&missing).take(5).map(Key::to_string).collect();
    ensure!(wrong.is_empty(), "listed as failures, and there: {wrong:?}; {compared}");
    let arrived = number(status, "/counts/written") + number(status, "/counts/present");
    ensure!(arrived == compared.same, "{compared}, and told is {status:#}");
    ensure!(number(status, "/counts/superseded") == 0, "nobody else writes: {status:#}");
    ensure!(status["phase"] == "ready" && status["standing"] == "running", "{status:#}");
    for (side, expected) in
        [("source", compared.same + compared.missing.len() as u64), ("target", compared.same)]
    {
        let counted = number(status, &format!("/indices/0/counted/{side}"));
        ensure!(counted == expected, "{expected} are on the {side}: {status:#}");
    }
    Ok(compared.same + compared.missing.len() as u64)
}

fn key(failure: &Value) -> Key {
    let text = |name: &str| failure.get(name).and_then(Value::as_str).map(str::to_owned);
    Key { kind: String::new(), id: text("id").unwrap_or_default(), routing: text("routing") }
}

/// A number of a status or record; 0 when it is not there.
pub(super) fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}
