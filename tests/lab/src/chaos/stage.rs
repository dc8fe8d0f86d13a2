//! The stage of a round: both clusters behind proxies, a configuration, a folder, and one process after the other.

use super::evidence::number;
use super::life::{Act, Deed, Life, Moment, Side};
use super::settings::{NAME, Settings};
use super::summary::Summary;
use super::weather::ANOTHER_COUNT;
use crate::daemon::{Daemon, Running};
use crate::endpoint::Endpoint;
use crate::proxy::{Gate, Proxy, Recorded};
use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// After this long without an end a process counts as stuck.
const PATIENCE: Duration = Duration::from_secs(120);
/// SIGTERM is obeyed within this time.
const LEAVES_WITHIN: Duration = Duration::from_secs(10);
/// No moment is waited for longer: a process that waits for a cluster is to die, too.
const LATEST: Duration = Duration::from_secs(3);
/// A daemon that asks for nothing for this long may be done: it is asked.
const QUIET: Duration = Duration::from_millis(700);
const STEP: Duration = Duration::from_millis(2);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Killed,
    /// On SIGTERM.
    Asked(i32),
    /// By itself.
    Left(i32),
}

/// Two clusters behind proxies with esferry between them.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) source: Proxy,
    pub(super) target: Proxy,
    pub(super) daemon: Daemon,
    pub(super) gate: Gate,
    /// The target refuses no document.
    all_are_taken: bool,
    new: Endpoint,
    to: String,
}

/// What both proxies had seen when a process started.
#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Instant,
    source: usize,
    target: usize,
}

impl Stage {
    pub(super) fn set(
        program: &Path,
        [old, new]: [&Endpoint; 2],
        [from, to]: [&str; 2],
        settings: &Settings,
        all_are_taken: bool,
    ) -> Result<Stage> {
        let (source, target) = (Proxy::start(old.url())?, Proxy::start(new.url())?);
        let text = settings.text([&source.url(), &target.url()], [from, to], false);
        let daemon = Daemon::with_config(program, &text)?;
        Ok(Stage {
            source,
            target,
            daemon,
            gate: Gate::new(),
            all_are_taken,
            new: new.clone(),
            to: to.to_owned(),
        })
    }

    /// From now on everything is forwarded, and slow answers are waited for by the next process.
    pub(super) fn calm(&self, from: &str, settings: &Settings) -> Result<()> {
        self.end_weather();
        let text = settings.text([&self.source.url(), &self.target.url()], [from, &self.to], true);
        fs::write(self.daemon.config(), text).context("the configuration cannot be written")
    }

    pub(super) fn end_weather(&self) {
        for proxy in [&self.source, &self.target] {
            proxy.clear_rules();
            proxy.serve();
        }
        self.gate.release();
    }

    /// One process from start to end.
    pub(super) async fn live(&self, life: &Life, told: &mut Summary) -> Result<End> {
        let args: &[&str] = if life.once { &["run", "--once"] } else { &["run"] };
        let running = self.daemon.start_command(args)?;
        told.processes += 1;
        self.act_out(life, running, told).await
    }

    /// Lets the acts happen to a process, and waits for its end.
    pub(super) async fn act_out(&self, life: &Life, mut running: Running, told: &mut Summary) -> Result<End> {
        let seen = self.seen();
        for act in &life.acts {
            if let Some(code) = self.reach(Some(act.at), &seen, &mut running, life.once)? {
                return Ok(End::Left(code));
            }
            std::thread::sleep(Duration::from_micros(act.later));
            match act.deed {
                Deed::Kill => {
                    running.kill_nine()?;
                    told.kills += 1;
                    return Ok(End::Killed);
                }
                Deed::Terminate => return self.terminate(running, told),
                _ => self.pass(act, &mut running, told).await?,
            }
        }
        if life.once {
            return Ok(End::Left(self.exit_code(&mut running)?));
        }
        // A daemon stays when it is done.
        match self.reach(None, &seen, &mut running, false)? {
            Some(code) => Ok(End::Left(code)),
            None => self.terminate(running, told),
        }
    }

    fn terminate(&self, mut running: Running, told: &mut Summary) -> Result<End> {
        if !running.signal(Signal::TERM)? {
            return Ok(End::Left(self.exit_code(&mut running)?));
        }
        told.terms += 1;
        let code = running.exit_code(LEAVES_WITHIN).context("SIGTERM was not obeyed")?;
        Ok(End::Asked(code))
    }

    fn exit_code(&self, running: &mut Running) -> Result<i32> {
        running.exit_code(PATIENCE).context("the process is stuck")
    }

    async fn pass(&self, act: &Act, running: &mut Running, told: &mut Summary) -> Result<()> {
        match act.deed {
            Deed::Freeze(milliseconds) => {
                running.signal(Signal::STOP)?;
                std::thread::sleep(Duration::from_millis(milliseconds));
                running.signal(Signal::CONT)?;
                told.freezes += 1;
            }
            Deed::Refuse(side, milliseconds) => {
                let (proxy, name) = self.side(side);
                proxy.refuse();
                std::thread::sleep(Duration::from_millis(milliseconds));
                proxy.serve();
                told.fault(name, "connections refused");
            }
            Deed::Silence(side, milliseconds) => {
                let (proxy, name) = self.side(side);
                proxy.freeze();
                std::thread::sleep(Duration::from_millis(milliseconds));
                proxy.serve();
                told.fault(name, "silent");
            }
            Deed::Ask => self.ask(told).await?,
            Deed::Calm => self.end_weather(),
            Deed::Kill | Deed::Terminate => bail!("{act:?} does not pass by"),
        }
        Ok(())
    }

    fn side(&self, side: Side) -> (&Proxy, &'static str) {
        match side {
            Side::Source => (&self.source, "source"),
            Side::Target => (&self.target, "target"),
        }
    }

    /// A daemon never tells more documents than the target has.
    async fn ask(&self, told: &mut Summary) -> Result<()> {
        // Just starting or leaving it has nothing to tell.
        if !self.listens() {
            return Ok(());
        }
        let Ok(status) = self.daemon.migration() else { return Ok(()) };
        told.asked += 1;
        let mut told_there = number(&status, "/counts/written") + number(&status, "/counts/present");
        if self.all_are_taken {
            told_there = told_there.max(number(&status, "/docs_settled") + number(&status, "/docs_open"));
        }
        if told_there > 0 {
            self.new.refresh(&self.to).await?;
            let there = self.new.count(&self.to).await?;
            ensure!(told_there <= there, "{told_there} documents are told and {there} are there: {status:#}");
        }
        Ok(())
    }

    /// True once a count was given another number: what a plan proves itself by does not agree then, and that is told as
    /// a configuration that does not fit.
    pub(super) fn has_miscounted(&self) -> bool {
        self.source.look(|requests| requests.iter().any(|request| request.fault == Some(ANOTHER_COUNT)))
    }

    /// True when a daemon listens. While none does, a `status` would open the store itself, and one that is just
    /// starting would find it taken.
    pub(super) fn listens(&self) -> bool {
        UnixStream::connect(self.daemon.state_dir().join("control.sock")).is_ok()
    }

    fn seen(&self) -> Seen {
        let count = |requests: &[Recorded]| requests.len();
        Seen { at: Instant::now(), source: self.source.look(count), target: self.target.look(count) }
    }

    /// Waits for a moment, or until a daemon is done; the exit code when the process ends before. A daemon that is
    /// done reaches every moment.
    fn reach(
        &self,
        moment: Option<Moment>,
        seen: &Seen,
        running: &mut Running,
        once: bool,
    ) -> Result<Option<i32>> {
        let begun = Instant::now();
        let mut last = (self.seen(), Instant::now());
        loop {
            if let Some(status) = running.ended()? {
                return status.code().map(Some).context("ended by a signal that nobody sent");
            }
            if moment.is_some_and(|moment| begun.elapsed() > LATEST || self.is_reached(moment, seen)) {
                return Ok(None);
            }
            let now = self.seen();
            if (now.source, now.target) != (last.0.source, last.0.target) {
                last = (now, Instant::now());
            } else if !once && last.1.elapsed() > QUIET {
                if self.listens() && self.daemon.migration().is_ok_and(|status| status["phase"] == "ready") {
                    return Ok(None);
                }
                last.1 = Instant::now();
            }
            ensure!(begun.elapsed() < PATIENCE, "the daemon does not come to its end: it is stuck");
            std::thread::sleep(STEP);
        }
    }

    fn is_reached(&self, moment: Moment, seen: &Seen) -> bool {
        let on_source = |wanted: fn(&Recorded) -> bool| count(&self.source, seen.source, wanted);
        let on_target = |wanted: fn(&Recorded) -> bool| count(&self.target, seen.target, wanted);
        match moment {
            Moment::Milliseconds(milliseconds) => seen.at.elapsed() >= Duration::from_millis(milliseconds),
            Moment::Requests(many) => on_source(|_| true) + on_target(|_| true) >= many,
            Moment::Counts(many) => on_source(Recorded::is_count) >= many,
            Moment::Pages(many) => on_source(Recorded::is_page) >= many,
            Moment::Bulks(many) => on_target(Recorded::is_bulk) >= many,
            Moment::BulksAnswered(many) => {
                on_target(|request| request.is_bulk() && request.status.is_some()) >= many
            }
            Moment::SlicesEnded(many) => on_source(|request| request.method == "DELETE") >= many,
            Moment::Searches(many) => {
                on_source(|request| request.path.contains("/_search?") && !request.is_open()) >= many
            }
        }
    }

    /// Runs a command to its end and returns its exit code and what it printed, a value of JSON a line.
    pub(super) fn printed(&self, args: &[&str], state: &Path) -> Result<(i32, Vec<Value>, String)> {
        let output = self.daemon.output_on(args, state)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code().with_context(|| format!("{args:?} ended by a signal: {said}"))?;
        let values: Result<Vec<Value>, _> =
            serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect();
        Ok((code, values.with_context(|| format!("{args:?} printed no JSON; {said}"))?, said))
    }

    /// The failures that are listed.
    pub(super) fn failures(&self, state: &Path) -> Result<Vec<Value>> {
        let (code, failures, said) = self.printed(&["failures", "list", NAME, "--json"], state)?;
        ensure!(code == 0, "failures list ended with {code}: {said}");
        Ok(failures)
    }
}

fn count(proxy: &Proxy, from: usize, wanted: fn(&Recorded) -> bool) -> u64 {
    let counted = proxy.look(|requests| {
        requests.get(from..).unwrap_or_default().iter().filter(|request| wanted(request)).count()
    });
    u64::try_from(counted).unwrap_or(u64::MAX)
}
