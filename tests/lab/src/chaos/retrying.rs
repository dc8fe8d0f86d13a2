//! The second part of a round with refused documents: they are cured on the source and tried again, in bad weather.

use super::evidence::{Evidence, Sides, arrived};
use super::freight;
use super::life::Life;
use super::round::Script;
use super::settings::NAME;
use super::stage::{End, Stage};
use super::summary::Summary;
use crate::daemon::Running;
use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const RETRY: [&str; 3] = ["failures", "retry", NAME];

pub(super) async fn play(
    script: &Script,
    stage: &Stage,
    sides: Sides<'_>,
    versions: bool,
    evidence: &mut Evidence,
    told: &mut Summary,
) -> Result<()> {
    let listed = stage.failures(&stage.daemon.state_dir())?.len() as u64;
    ensure!(listed > 0, "no document was refused");
    told.failures += listed;
    evidence.gone = freight::cure(sides.old, sides.from).await?;
    let outcome = cured(script, stage, sides, versions, evidence, told).await;
    freight::spoil(sides.old, sides.from).await?;
    let left = outcome?;
    ensure!(left < listed, "of {listed} failures {left} are left");
    told.retried += listed - left;
    Ok(())
}

/// Tries until the weather is over and whatever is cured has arrived; returns how many failures are left.
async fn cured(
    script: &Script,
    stage: &Stage,
    sides: Sides<'_>,
    versions: bool,
    evidence: &mut Evidence,
    told: &mut Summary,
) -> Result<u64> {
    script.weather_of_retries.begin(&stage.source, &stage.target, &stage.gate);
    for life in &script.retries {
        let end = if life.once {
            let retry = stage.daemon.start_command(&RETRY)?;
            told.processes += 1;
            stage.act_out(life, retry, told).await?
        } else {
            through_a_daemon(stage, life, told).await?
        };
        let well = match end {
            End::Killed | End::Asked(0 | 4) => true,
            End::Left(code) if life.once => matches!(code, 0 | 4 | 5),
            End::Left(_) | End::Asked(_) => false,
        };
        ensure!(well, "{end:?} while failures were tried again");
        evidence.look(stage, sides).await?;
    }
    stage.end_weather();
    let (code, report, said) =
        stage.printed(&["failures", "retry", NAME, "--json"], &stage.daemon.state_dir())?;
    ensure!(code == 4, "the last retry ended with {code}: {report:?} {said}");
    let code = stage.live(&Life { once: true, acts: Vec::new() }, told).await?;
    ensure!(code == End::Left(4), "{code:?} after the retries");
    let status = evidence.look(stage, sides).await?.context("no status after the retries")?;
    told.documents += arrived(stage, sides, versions, &status).await?;
    Ok(stage.failures(&stage.daemon.state_dir())?.len() as u64)
}

/// The daemon is asked to try them, and the acts happen to it.
async fn through_a_daemon(stage: &Stage, life: &Life, told: &mut Summary) -> Result<End> {
    let mut daemon = stage.daemon.start_command(&["run"])?;
    told.processes += 1;
    until_it_listens(stage, &mut daemon)?;
    let mut client = stage.daemon.start_command(&RETRY)?;
    let end = stage.act_out(life, daemon, told).await?;
    let code = client.exit_code(PATIENCE).context("the client of a daemon that is gone is stuck")?;
    // Whose daemon is killed under it is told so.
    ensure!(matches!(code, 0 | 2..=5), "exit code {code} of `failures retry`, and {end:?} of its daemon");
    Ok(end)
}

fn until_it_listens(stage: &Stage, daemon: &mut Running) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !stage.listens() {
        ensure!(daemon.is_running()?, "the daemon has left: {}", stage.daemon.log());
        ensure!(Instant::now() < deadline, "no daemon answers");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
