//! The process dies at any moment: nothing is lost, nothing is doubled, and what was done is not done again.

#[cfg(feature = "failpoints")]
mod failpoints;
mod shaped;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use esferry::control::{Client, WantedSlices};
use esferry::plan::slice::{Cursor, HalfOpen, SliceId, SliceRange};
use esferry::store::records::{SliceRecord, SliceState};
use esferry_lab::data::{AlertSet, Body, load_alerts};
use esferry_lab::proxy::Recorded;
use esferry_lab::{Endpoint, Gate, Rule, place};
use futures::TryStreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::scene::{NAME, PATIENCE, Scene, alert_schema, alerts, old_and_new, phase, tally};

/// Moments that look random, and are the same again for the same seed.
struct Dice(u64);

impl Dice {
    /// From `ESFERRY_SEED`, else from the clock; says which.
    fn new() -> Result<Self> {
        let seed = match std::env::var("ESFERRY_SEED") {
            Ok(seed) => seed.parse().context("ESFERRY_SEED is no number")?,
            Err(_) => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
        };
        println!("ESFERRY_SEED={seed} kills at the same moments again");
        Ok(Dice(seed))
    }

    /// `splitmix64`, from `low` to `high`, both included.
    fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        low + (mixed ^ (mixed >> 31)) % (high - low + 1)
    }
}

/// Shard and range of a slice, as they are found again in the request that opens it.
fn place_of(record: &SliceRecord) -> Result<String> {
    let record = serde_json::to_value(record)?;
    place::of_slice(&record).with_context(|| format!("a slice without a place: {record}"))
}

/// Shard and range of the slice that a request opens.
fn place_opened(request: &Recorded) -> Result<String> {
    place::opened(request).with_context(|| format!("{} opens no slice", request.path))
}

fn shard_of(request: &Recorded) -> Result<u32> {
    let preference = request.parameter("preference").context("no preference")?;
    let digits: String =
        preference.trim_start_matches("_shards:").chars().take_while(char::is_ascii_digit).collect();
    digits.parse().with_context(|| format!("no shard in {preference}"))
}

/// Starts the daemon, and kills it a random moment after a random number of its requests.
fn live_and_die(scene: &Scene, dice: &mut Dice, most: u64, counted: fn(&Recorded) -> bool) -> Result<()> {
    let before = scene.source.requests().len();
    let running = scene.daemon.start(&[])?;
    let moment = usize::try_from(dice.between(4, most))?;
    let reached = scene.source.wait_until(PATIENCE, |requests| {
        requests[before..].iter().filter(|request| counted(request)).count() >= moment
    });
    ensure!(reached, "no more requests came:\n{}", scene.daemon.log());
    std::thread::sleep(Duration::from_millis(dice.between(0, 50)));
    running.kill_nine()
}

fn reads(request: &Recorded) -> bool {
    request.is_open() || request.is_page()
}

/// What `status` tells between two lives is what the finished slices add up to.
fn totals_are_true(status: &Value, slices: &[SliceRecord]) -> Result<()> {
    let done = slices.iter().filter(|slice| slice.state == SliceState::Done);
    let read: u64 = done.clone().map(|slice| slice.counts.read).sum();
    let settled: u64 = done.clone().map(|slice| slice.counts.settled()).sum();
    ensure!(status.pointer("/counts/read") == Some(&json!(read)), "{read} were read: {status:#}");
    ensure!(read == settled, "{read} read, {settled} settled");
    ensure!(tally(status, "done") == done.count() as u64, "{status:#}");
    Ok(())
}

/// Every request that opened a slice came before the slice was seen to be done.
fn none_is_opened_again(scene: &Scene, done: &HashMap<String, usize>) -> Result<()> {
    for (number, request) in scene.source.requests().iter().enumerate() {
        if request.is_open() {
            let place = place_opened(request)?;
            let again = done.get(&place).is_some_and(|&when| number >= when);
            ensure!(!again, "slice {place} was done and is opened again");
        }
    }
    Ok(())
}

async fn setting(endpoint: &Endpoint, index: &str, name: &str) -> Result<Option<String>> {
    let answer = endpoint.get(&format!("/{index}/_settings")).await?;
    let value = answer.pointer(&format!("/{index}/settings/index/{name}"));
    Ok(value.and_then(Value::as_str).map(str::to_owned))
}

#[tokio::test]
async fn twenty_kills_in_one_migration_lose_nothing_and_repeat_no_finished_slice() {
    if !esferry_lab::wanted("twenty kills in one migration") {
        return;
    }
    let mut dice = Dice::new().unwrap();
    let (index, copy) = ("crash-kills", "crash-kills-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(dice.0, 40_000)).await.unwrap();
    let mut body = Body::Alerts.target().unwrap();
    body["settings"]["number_of_replicas"] = json!(1);
    body["settings"]["refresh_interval"] = json!("7s");
    new.recreate_index(copy, &body).await.unwrap();
    let settings = "schema = \"existing\"\nslice = { docs = 1000, parallel = 3, page_docs = 250 }\nwrite = { batch_docs = 200 }";
    let scene = Scene::new(&old, &new, index, copy, settings).unwrap();
    scene.source.rule(Rule::on_pages().delay(Duration::from_millis(25)));

    let mut done: HashMap<String, usize> = HashMap::new();
    let mut phases: Vec<String> = Vec::new();
    for kill in 0..20 {
        // The first ones fall into the planning, which takes hundreds of counts; the others into the copy.
        if kill < 5 {
            live_and_die(&scene, &mut dice, 300, |_| true).unwrap();
        } else {
            live_and_die(&scene, &mut dice, 36, reads).unwrap();
        }
        let seen = scene.source.requests().len();
        let slices = scene.slices().unwrap();
        for slice in slices.iter().filter(|slice| slice.state == SliceState::Done) {
            done.entry(place_of(slice).unwrap()).or_insert(seen);
        }
        let status = scene.daemon.migration().unwrap();
        totals_are_true(&status, &slices).unwrap();
        phases.push(format!("{} {}/{}", phase(&status), done.len(), slices.len()));
    }
    println!("killed while {}", phases.join(", "));
    assert!(phases[0].starts_with("planning"), "{phases:?}");
    assert!(phases.iter().any(|phase| phase.starts_with("copying")), "{phases:?}");

    assert_eq!(setting(&new, copy, "refresh_interval").await.unwrap().as_deref(), Some("-1"));
    scene.source.clear_rules();
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    none_is_opened_again(&scene, &done).unwrap();
    assert_eq!(scene.arrived().await.unwrap(), documents);
    assert_eq!(setting(&new, copy, "refresh_interval").await.unwrap().as_deref(), Some("7s"));
    assert_eq!(setting(&new, copy, "number_of_replicas").await.unwrap().as_deref(), Some("1"));

    let (opens, bulks) = (scene.source.opens().len(), scene.target.requests_to("_bulk").len());
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!((scene.source.opens().len(), scene.target.requests_to("_bulk").len()), (opens, bulks));
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn sigterm_keeps_what_is_settled_and_leaves_within_ten_seconds() {
    if !esferry_lab::wanted("SIGTERM in the middle of a copy") {
        return;
    }
    let (index, copy) = ("crash-term", "crash-term-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(5, 9000)).await.unwrap();
    let settings =
        format!("{}\nslice = {{ docs = 500, parallel = 2, page_docs = 100 }}", alert_schema().unwrap());
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    let within = Duration::from_secs(10);

    // A count that does not come holds nobody; a run that was to finish says that it has not.
    let count = Gate::new();
    scene.source.rule(Rule::on(Method::POST, "/_count").skip(20).hold(&count));
    let mut planning = scene.daemon.start(&["--once"]).unwrap();
    assert!(count.wait_held(1, PATIENCE), "{}", scene.daemon.log());
    planning.terminate().unwrap();
    assert_eq!(planning.exit_code(within).unwrap(), 130, "{}", scene.daemon.log());
    assert_eq!(phase(&scene.daemon.migration().unwrap()), "planning");
    count.release();
    scene.source.clear_rules();
    scene.source.rule(Rule::on_pages().delay(Duration::from_millis(20)));

    let mut first = scene.daemon.start(&[]).unwrap();
    scene.daemon.until(PATIENCE, |status| tally(status, "done") >= 3).unwrap();
    first.terminate().unwrap();
    assert_eq!(first.exit_code(within).unwrap(), 0, "{}", scene.daemon.log());
    let slices = scene.slices().unwrap();
    let status = scene.daemon.migration().unwrap();
    totals_are_true(&status, &slices).unwrap();
    assert_eq!(phase(&status), "copying");

    // A page that does not come, and a bulk that is not answered, hold nobody.
    let (page, bulk) = (Gate::new(), Gate::new());
    scene.source.clear_rules();
    scene.source.rule(Rule::on_pages().skip(3).times(1).hold(&page));
    scene.target.rule(Rule::on(Method::POST, "/_bulk").times(1).hold(&bulk));
    let mut second = scene.daemon.start(&[]).unwrap();
    assert!(page.wait_held(1, PATIENCE) && bulk.wait_held(1, PATIENCE), "{}", scene.daemon.log());
    second.terminate().unwrap();
    assert_eq!(second.exit_code(within + Duration::from_secs(2)).unwrap(), 0, "{}", scene.daemon.log());
    page.release();
    bulk.release();

    let finished = slices.iter().filter(|slice| slice.state == SliceState::Done).map(place_of);
    let finished = finished.collect::<Result<HashSet<String>>>().unwrap();
    let opened_before = scene.source.opens().len();
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    for open in &scene.source.opens()[opened_before..] {
        assert!(!finished.contains(&place_opened(open).unwrap()));
    }
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

/// Where the slices of a running daemon stand that have moved inside.
async fn cursors(scene: &Scene) -> Result<HashMap<SliceId, u64>> {
    let client = Client::connect(&scene.daemon.state_dir())?.context("no daemon is listening")?;
    let pieces: Vec<bytes::Bytes> =
        client.slices(NAME, &WantedSlices::default()).await?.try_collect().await?;
    let mut moved = HashMap::new();
    for line in pieces.concat().split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let record: SliceRecord = serde_json::from_slice(line)?;
        if let SliceState::Open { cursor: Cursor::SeqNo(next) } = record.state {
            moved.insert(record.slice.id, next);
        }
    }
    Ok(moved)
}

/// Waits until a checkpoint inside a slice is new.
async fn a_cursor_moves(scene: &Scene, known: &HashMap<SliceId, u64>) -> Result<()> {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let now = cursors(scene).await.unwrap_or_default();
        if now.iter().any(|(id, next)| known.get(id).is_none_or(|known| next > known)) {
            return Ok(());
        }
        ensure!(std::time::Instant::now() < deadline, "no checkpoint came:\n{}", scene.daemon.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// No window begins below the cursor of its slice, and none lies in a slice that is done.
fn windows_go_on(requests: &[Recorded], slices: &[SliceRecord]) -> Result<()> {
    for request in requests.iter().filter(|request| request.path.contains("/_search?version=true")) {
        let body = request.json().context("a window without a body")?;
        let from = body.pointer("/query/constant_score/filter/range/_seq_no/gte").and_then(Value::as_u64);
        let (shard, from) = (shard_of(request)?, from.context("a search without a window")?);
        let of = slices.iter().find(|record| {
            let SliceRange::SeqNo(HalfOpen { from: low, to }) = &record.slice.range else { return false };
            record.slice.id.shard == shard
                && low.is_none_or(|low| low <= from)
                && to.is_none_or(|to| from < to)
        });
        let of = of.with_context(|| format!("a window at {from} of shard {shard}, in no slice"))?;
        match of.state {
            SliceState::Done => anyhow::bail!("slice {} is done, and read again at {from}", of.slice.id),
            SliceState::Open { cursor: Cursor::SeqNo(next) } => {
                ensure!(from >= next, "slice {} stands at {next}, and is read again at {from}", of.slice.id);
            }
            _ => {}
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_second_signal_leaves_at_once_and_loses_nothing() {
    if !esferry_lab::wanted("a second signal") {
        return;
    }
    let (index, copy) = ("crash-twice", "crash-twice-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(37, 2000)).await.unwrap();
    let settings = format!("{}\nslice = {{ docs = 300, page_docs = 100 }}", alert_schema().unwrap());
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    let gate = Gate::new();
    scene.target.rule(Rule::on(Method::POST, "/_bulk").skip(5).hold(&gate));
    let mut running = scene.daemon.start(&[]).unwrap();
    assert!(gate.wait_held(1, PATIENCE), "{}", scene.daemon.log());
    running.terminate().unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while !scene.daemon.log().contains("a second signal leaves at once") {
        assert!(std::time::Instant::now() < deadline, "{}", scene.daemon.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    running.terminate().unwrap();
    // One that had waited for its bulks would leave with 0.
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 130, "{}", scene.daemon.log());
    gate.release();
    scene.target.clear_rules();
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_killed_copy_by_sequence_numbers_goes_on_inside_its_slices() {
    if !esferry_lab::wanted("kills in a migration by sequence numbers") {
        return;
    }
    let (index, copy) = ("crash-cursor", "crash-cursor-copy");
    let mut dice = Dice::new().unwrap();
    let (_, new) = old_and_new().await.unwrap();
    let documents = load_alerts(&new, index, AlertSet::lived(dice.0, 5000)).await.unwrap().documents;
    new.delete_index(copy).await.unwrap();
    let settings = "slice = { strategy = \"seq_no\", docs = 900, parallel = 3, page_docs = 50 }";
    let scene = Scene::new(&new, &new, index, copy, settings).unwrap();
    scene.source.rule(Rule::on(Method::POST, "/_search?version=true").delay(Duration::from_millis(350)));

    let mut slices: Vec<SliceRecord> = Vec::new();
    let mut resumed_inside = 0;
    for _ in 0..4 {
        let before = scene.source.requests().len();
        let known = slices.iter().filter_map(|record| match record.state {
            SliceState::Open { cursor: Cursor::SeqNo(next) } => Some((record.slice.id, next)),
            _ => None,
        });
        let known: HashMap<SliceId, u64> = known.collect();
        resumed_inside += known.len();
        let running = scene.daemon.start(&[]).unwrap();
        a_cursor_moves(&scene, &known).await.unwrap();
        tokio::time::sleep(Duration::from_millis(dice.between(0, 400))).await;
        running.kill_nine().unwrap();
        if !slices.is_empty() {
            windows_go_on(&scene.source.requests()[before..], &slices).unwrap();
        }
        slices = scene.slices().unwrap();
    }
    assert!(resumed_inside > 0, "{slices:?}");
    let before = scene.source.requests().len();
    scene.source.clear_rules();
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    windows_go_on(&scene.source.requests()[before..], &slices).unwrap();
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}
