//! Pages that are far larger than the source's disk lets one expect.

use std::path::Path;

use anyhow::{Context, Result};
use esferry_lab::data::{BulkWriter, Document};
use esferry_lab::{Node, NodeSpec};
use serde_json::json;

use crate::scene::{PATIENCE, Scene, old_and_new, phase};

const MIB: u64 = 1024 * 1024;
const DOCUMENTS: u64 = 105;

/// What a process needed at most, in bytes.
fn peak(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

#[tokio::test]
async fn a_page_of_a_hundred_mebibytes_is_not_held_in_memory() {
    if !esferry_lab::wanted("pages of 100 MiB") {
        return;
    }
    let (_, new) = old_and_new().await.unwrap();
    let node = Node::start(NodeSpec::new("1.7.6").heap("1g")).await.unwrap();
    let (old, index) = (node.endpoint(), "bad-large");
    let mapping = json!({"properties": {"text": {"type": "string", "index": "no"}}});
    let body =
        json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}, "mappings": {"thing": mapping}});
    old.recreate_index(index, &body).await.unwrap();
    new.delete_index(index).await.unwrap();
    // A mebibyte that takes a few kilobytes on the disk.
    let text = "large ".repeat(usize::try_from(MIB).unwrap() / 6);
    let documents =
        (0..DOCUMENTS).map(|n| Document::new(n.to_string(), json!({"text": text, "n": n}).to_string()));
    BulkWriter::new(&old, index, Some("thing")).sized(10, 1).index(documents).await.unwrap();
    old.flush(index).await.unwrap();
    old.refresh(index).await.unwrap();

    let settings = "slice = { parallel = 1, page_docs = 200 }\nwrite = { batch_bytes = \"5 MiB\" }";
    let scene = Scene::new(&old, &new, index, index, settings).unwrap();
    let running = scene.daemon.start(&[]).unwrap();
    scene.daemon.until(PATIENCE, |status| phase(status) == "ready").unwrap();
    let peak = peak(running.pid()).unwrap();
    let pages = scene.source.requests().into_iter().filter(|request| request.is_page());
    let largest = pages.map(|page| page.answer_size).max().unwrap();
    assert!(largest as u64 > 100 * MIB, "the source sent {largest} bytes at most");
    assert!(peak < 300 * MIB, "{} MiB were needed", peak / MIB);
    let log = scene.daemon.log();
    assert!(log.contains("the answer is larger than 32.0 MiB"), "{log}");
    assert_eq!(scene.arrived().await.unwrap(), DOCUMENTS);
    scene.clear_target().await.unwrap();
}
