//! One round: a migration through bad weather and sudden ends, until it is over and both sides are compared.

use super::dice::Dice;
use super::evidence::{Evidence, Sides, arrived, number};
use super::freight::Freight;
use super::life::{self, Life};
use super::retrying;
use super::settings::{BODY, NAME, Schema, Settings};
use super::stage::{End, Stage};
use super::summary::Summary;
use super::weather::Weather;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Everything that a round leaves to chance.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) seed: u64,
    pub(super) round: u64,
    pub(super) freight: Freight,
    settings: Settings,
    weather: Weather,
    lives: Vec<Life>,
    pub(super) weather_of_retries: Weather,
    pub(super) retries: Vec<Life>,
}

impl Script {
    pub(super) fn draw(seed: u64, round: u64) -> Script {
        let mut dice = Dice::of(seed, round);
        let freight = dice.one_of(&[Freight::Lived, Freight::Plain, Freight::Odd, Freight::Refused]);
        Script {
            seed,
            round,
            freight,
            settings: Settings::draw(&mut dice, freight),
            weather: Weather::draw(&mut dice),
            lives: life::draw(&mut dice),
            weather_of_retries: Weather::draw(&mut dice),
            retries: life::draw_of_retries(&mut dice),
        }
    }

    /// Plays it. What went wrong comes with the folder in which everything about it is kept.
    pub(super) async fn play(&self, program: &Path, sides: Sides<'_>) -> Result<Summary> {
        let Sides { old, from, new, to } = sides;
        let taken = !self.freight.is_refused();
        let stage = Stage::set(program, [old, new], [from, to], &self.settings, taken)?;
        let mut told = Summary::default();
        let outcome = self.play_on(&stage, sides, &mut told).await;
        told.take_records(&stage);
        match outcome {
            Ok(()) => Ok(told),
            Err(violation) => {
                let kept = self.leave(stage)?;
                Err(violation.context(format!(
                    "round {} of seed {} (its state, logs and requests are in {kept})",
                    self.round, self.seed
                )))
            }
        }
    }

    async fn play_on(&self, stage: &Stage, sides: Sides<'_>, told: &mut Summary) -> Result<()> {
        self.prepare(stage, sides).await?;
        self.weather.begin(&stage.source, &stage.target, &stage.gate);
        let mut evidence = Evidence::default();
        for life in &self.lives {
            let end = stage.live(life, told).await?;
            judge(end, life, stage.has_garbled(), told)?;
            let status = evidence.look(stage, sides).await?;
            if status.is_some_and(|status| status["phase"] == "ready") {
                break;
            }
        }
        stage.calm(sides.from, &self.settings)?;
        let status = self.finish(stage, sides, &mut evidence, told).await?;
        let versions = self.settings.keeps_versions();
        told.documents += arrived(stage, sides, versions, &status).await?;
        told.slices += evidence.slices();
        told.attempts_again += evidence.again;
        if self.freight.is_refused() {
            retrying::play(self, stage, sides, versions, &mut evidence, told).await?;
        }
        evidence.nothing_done_is_read_again(stage)?;
        ensure!(!stage.daemon.log().contains("panicked at"), "a panic is in the log");
        Ok(())
    }

    async fn prepare(&self, stage: &Stage, sides: Sides<'_>) -> Result<()> {
        let body = self.freight.target_body()?;
        match self.settings.schema {
            Schema::Convert => Ok(()),
            Schema::File => fs::write(stage.daemon.config().with_file_name(BODY), body.to_string())
                .context("the body cannot be written"),
            Schema::Existing => sides.new.recreate_index(sides.to, &body).await,
        }
    }

    /// The weather is over: the migration ends by itself, as it should. Returns its status.
    async fn finish(
        &self,
        stage: &Stage,
        sides: Sides<'_>,
        evidence: &mut Evidence,
        told: &mut Summary,
    ) -> Result<Value> {
        let expected = if self.freight.is_refused() { 4 } else { 0 };
        let last = Life { once: true, acts: Vec::new() };
        let mut end = stage.live(&last, told).await?;
        let mut status = evidence.look(stage, sides).await?.context("no status at the end")?;
        let set_aside = number(&status, "/slices/set_aside");
        if set_aside > 0 {
            told.set_aside += set_aside;
            ensure!(end == End::Left(4), "{set_aside} slices are set aside, and {end:?}");
            ensure!(stage.daemon.output(&["resume", NAME])?.status.success(), "resume failed");
            end = stage.live(&last, told).await?;
            status = evidence.look(stage, sides).await?.context("no status at the end")?;
        }
        ensure!(end == End::Left(expected), "{end:?} in calm weather instead of exit code {expected}");
        Ok(status)
    }

    /// Everything about a round that went wrong, in its folder, which stays.
    fn leave(&self, stage: Stage) -> Result<String> {
        let folder = stage.daemon.folder();
        fs::write(folder.join("script"), format!("{self:#?}\n")).context("the script cannot be kept")?;
        for (name, proxy) in [("source", &stage.source), ("target", &stage.target)] {
            let lines: String = proxy.requests().iter().map(|request| request.line() + "\n").collect();
            fs::write(folder.join(format!("{name}.requests")), lines).context("the record cannot be kept")?;
        }
        Ok(stage.daemon.keep().display().to_string())
    }
}

/// Whether a process may end like that. Bad weather never makes it doubt its state, and never shows a defect; a code that
/// asks for a person is only for answers that make no sense (`garbled`).
fn judge(end: End, life: &Life, garbled: bool, told: &mut Summary) -> Result<()> {
    match (end, life.once) {
        (End::Killed, _) | (End::Asked(0 | 4), _) | (End::Left(0 | 4) | End::Asked(130), true) => Ok(()),
        (End::Left(5) | End::Asked(5), true) => {
            told.gave_up += 1;
            Ok(())
        }
        (End::Left(2), _) if garbled => {
            told.gave_up += 1;
            Ok(())
        }
        _ => bail!("{end:?} in bad weather ({})", if life.once { "run --once" } else { "run" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_can_be_drawn_again_alone() {
        let script = format!("{:?}", Script::draw(5, 3));
        assert_eq!(script, format!("{:?}", Script::draw(5, 3)));
        assert_ne!(script, format!("{:?}", Script::draw(5, 4)));
    }

    #[test]
    fn weather_is_no_reason_to_doubt_the_state() {
        let (once, stays) = (Life { once: true, acts: Vec::new() }, Life { once: false, acts: Vec::new() });
        let mut told = Summary::default();
        assert!(judge(End::Left(5), &once, false, &mut told).is_ok());
        assert!(judge(End::Left(2), &stays, true, &mut told).is_ok());
        assert_eq!(told.gave_up, 2);
        for code in [1, 3, 101] {
            assert!(judge(End::Left(code), &once, true, &mut told).is_err());
            assert!(judge(End::Asked(code), &stays, true, &mut told).is_err());
        }
        for code in [0, 2, 5] {
            assert!(judge(End::Left(code), &stays, false, &mut told).is_err());
        }
    }
}
