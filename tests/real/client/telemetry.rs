//! What the process tells the outside: statsd, systemd, logs.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use esferry_lab::{Gate, Proxy, Rule};
use reqwest::Method;
use serde_json::Value;

use super::{SMALL, ferry, loaded, same, urls};
use crate::daemon::Daemon;
use crate::scene::PATIENCE;
use crate::sides::{NAME, route, text};

/// Everything that has arrived at a listener whose senders are gone: nothing is on its way on loopback any more.
fn received(receive: impl Fn(&mut [u8]) -> std::io::Result<usize>) -> Vec<String> {
    let mut buffer = [0; 2048];
    let mut lines = Vec::new();
    while let Ok(length) = receive(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        lines.extend(text.lines().filter(|line| !line.is_empty()).map(ToOwned::to_owned));
    }
    lines
}

#[tokio::test]
async fn statsd_receives_the_counters_of_the_script() {
    if !esferry_lab::wanted("statsd counters") {
        return;
    }
    let sides = loaded("clientstatsd", 3210).await.unwrap();
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let (from, to) = (sides.index("from"), sides.index("to"));
    let daemon = Daemon::with_config(&format!(
        "[statsd]\naddress = \"{}\"\n[clusters.old]\n{}\n[clusters.new]\n{}\n[migrations.{NAME}]\n{}\n",
        server.local_addr().unwrap(),
        urls(&[sides.old.url()]),
        urls(&[sides.new.url()]),
        route(&from, &to, SMALL),
    ))
    .unwrap();
    sides.carry(&daemon, "from", "to").await.unwrap();

    let mut metrics: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for line in received(|buffer| server.recv(buffer)) {
        let (name, value) = line.rsplit_once(':').unwrap();
        let (value, kind) = value.split_once('|').unwrap();
        metrics.entry(name.to_owned()).or_default().push((value.parse().unwrap(), kind.to_owned()));
    }
    let of = |name: String| metrics.get(&name).with_context(|| format!("no {name} in {metrics:?}"));
    let total = of(format!("elastic_migration_document_total_count,index={to},type=success")).unwrap();
    assert_eq!(total, &[(3210, "g".to_owned())]);
    let counted = of(format!("elastic_migration_document_count,index={to},type=success")).unwrap();
    assert!(counted.iter().all(|(_, kind)| kind == "c"), "{counted:?}");
    assert!(counted.len() > 3, "all at once: {counted:?}");
    assert_eq!(counted.iter().map(|(count, _)| count).sum::<u64>(), 3210);
    let time = of(format!("elastic_migration_time_ms,index={to}")).unwrap();
    assert!(time.len() == 1 && time[0].1 == "ms", "{time:?}");
    assert!(!metrics.keys().any(|name| name.contains("type=failure")), "{metrics:?}");
}

/// What the service manager hears until `wanted` says yes.
fn heard(manager: &UnixDatagram, so_far: &mut Vec<String>, wanted: impl Fn(&[String]) -> bool) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while !wanted(so_far) {
        ensure!(Instant::now() < until, "not heard: {so_far:?}");
        so_far.extend(received(|buffer| manager.recv(buffer)));
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

#[tokio::test]
async fn systemd_is_told_ready_status_watchdog_and_stopping() {
    if !esferry_lab::wanted("sd_notify") {
        return;
    }
    let sides = loaded("clientnotify", 2000).await.unwrap();
    let source = Proxy::start(sides.old.url()).unwrap();
    let daemon = ferry(&sides, &urls(&[&source.url()]), &urls(&[sides.new.url()])).unwrap();
    let gate = Gate::new();
    source.rule(Rule::on_pages().skip(6).hold(&gate));
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("notify");
    let manager = UnixDatagram::bind(&place).unwrap();
    manager.set_nonblocking(true).unwrap();

    // Like systemd, which names the process that is to be watched.
    let plain = daemon.command(&["run"]);
    let mut command = Command::new("sh");
    command
        .args(["-c", "WATCHDOG_PID=$$ exec \"$0\" \"$@\""])
        .arg(plain.get_program())
        .args(plain.get_args());
    command.env("NOTIFY_SOCKET", &place).env("WATCHDOG_USEC", "300000");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();

    let mut said = Vec::new();
    let outcome = (|| -> Result<()> {
        heard(&manager, &mut said, |said| said.iter().any(|line| line == "READY=1"))?;
        ensure!(gate.wait_held(1, PATIENCE), "nothing is read");
        let at_work = |line: &String| line.starts_with(&format!("STATUS={NAME} copying "));
        heard(&manager, &mut said, |said| said.iter().any(at_work))?;
        let alive = |said: &[String]| said.iter().filter(|line| *line == "WATCHDOG=1").count();
        let known = alive(&said);
        heard(&manager, &mut said, |said| alive(said) >= known + 5)?;
        gate.release();
        let done = |line: &String| line.starts_with(&format!("STATUS={NAME} ready 100.0 %"));
        heard(&manager, &mut said, |said| said.iter().any(done))?;
        ensure!(!said.iter().any(|line| line == "STOPPING=1"), "too early: {said:?}");
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        heard(&manager, &mut said, |said| said.iter().any(|line| line == "STOPPING=1"))
    })();
    if outcome.is_err() {
        child.kill().unwrap();
    }
    let ended = child.wait().unwrap();
    outcome.unwrap();
    assert_eq!(ended.code(), Some(0));
    assert_eq!(said.iter().filter(|line| *line == "READY=1").count(), 1);
    same(&sides, 2000).await.unwrap();
}

#[tokio::test]
async fn logs_are_lines_of_json_that_say_migration_index_and_slice() {
    if !esferry_lab::wanted("logs with spans") {
        return;
    }
    let sides = loaded("clientlogs", 2000).await.unwrap();
    let (source, target) = (Proxy::start(sides.old.url()).unwrap(), Proxy::start(sides.new.url()).unwrap());
    // Something to tell from inside a slice, on either side.
    target.rule(Rule::on(Method::POST, "/_bulk").skip(2).times(1).status(429));
    source.rule(Rule::on_pages().skip(5).times(1).cut());
    let daemon = ferry(&sides, &urls(&[&source.url()]), &urls(&[&target.url()])).unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect::<Result<_>>()
        .unwrap();
    for line in &lines {
        for key in ["timestamp", "level", "target", "message"] {
            assert!(!text(line, &format!("/{key}")).is_empty(), "no {key} in {line}");
        }
    }
    let from = sides.index("from");
    for message in ["bulk is sent again", "attempt is lost, the slice is read again"] {
        let line = lines.iter().find(|line| text(line, "/message") == message).context(log.clone()).unwrap();
        let spans = line["spans"].as_array().context("no spans").unwrap();
        let field = |name: &str| {
            let own = line.get(name);
            spans.iter().find_map(|span| span.get(name)).or(own).and_then(Value::as_str).unwrap_or_default()
        };
        assert_eq!(field("migration"), NAME, "{line}");
        assert_eq!(field("index"), from, "{line}");
        assert!(!field("slice").is_empty(), "{line}");
    }
    let phases = lines.iter().filter(|line| text(line, "/message") == "phase");
    assert!(phases.count() >= 4, "{log}");
    same(&sides, 2000).await.unwrap();
}
