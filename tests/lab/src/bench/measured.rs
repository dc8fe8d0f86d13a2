//! Runs a program and measures its time, its processor time with its children's, and its largest memory.

use anyhow::{Context, Result, bail};
use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// What a run cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// From start to end.
    pub wall: Duration,
    /// In the program and the children that it waited for; none where the work is done in a server.
    pub cpu: Option<Duration>,
    /// The largest resident memory, in bytes.
    pub memory: Option<u64>,
    /// The longest that a `status` took meanwhile.
    pub slowest_status: Option<Duration>,
    /// Of the time, until the slices were known.
    pub planning: Option<Duration>,
}

/// Runs a program to its end. A failing one is an error.
pub async fn run(command: &mut Command) -> Result<Cost> {
    let name = command.get_program().to_string_lossy().into_owned();
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot run {name}"))?;
    let (cpu, memory) = watch(&mut child).await?;
    let wall = begun.elapsed();
    let status = child.wait().context("cannot wait for the program")?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(Cost { wall, cpu: Some(cpu), memory: Some(memory), ..Cost::default() })
}

/// Follows a child until it has ended, and does not take its last state away: that tells what it used.
async fn watch(child: &mut Child) -> Result<(Duration, u64)> {
    let pid = child.id();
    let mut memory = 0;
    loop {
        memory = memory.max(peak_memory(pid).unwrap_or(0));
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the program's state is gone")?;
        let (ended, cpu) = parse(&stat).with_context(|| format!("not a state: {stat}"))?;
        if ended {
            return Ok((cpu, memory));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What a running process has used until now: processor time and largest memory.
pub fn used(pid: u32) -> Result<(Duration, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the program's state is gone")?;
    let (_, cpu) = parse(&stat).with_context(|| format!("not a state: {stat}"))?;
    Ok((cpu, peak_memory(pid).unwrap_or(0)))
}

fn peak_memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Whether it has ended, and its processor time with that of the children it waited for.
fn parse(stat: &str) -> Option<(bool, Duration)> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X");
    // utime, stime, cutime and cstime are fields 14 to 17 of the file; the state was field 3
    let ticks: u64 = fields.skip(10).take(4).map(|field| field.parse::<u64>().unwrap_or(0)).sum();
    Some((ended, Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn measures_a_busy_program() {
        let cost = run(Command::new("sh").args(["-c", "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"]))
            .await
            .unwrap();
        assert!(cost.cpu.unwrap() >= Duration::from_millis(10), "{cost:?}");
        assert!(cost.memory.unwrap() > 100_000, "{cost:?}");
        assert!(cost.wall >= cost.cpu.unwrap() / 2, "{cost:?}");
    }

    #[tokio::test]
    async fn a_failing_program_is_an_error() {
        assert!(run(Command::new("sh").args(["-c", "exit 3"])).await.is_err());
    }
}
