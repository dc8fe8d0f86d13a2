//! Looks at the clock and at the load of both clusters about once a second, and says what holds the migration back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Zoned;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::cluster::load::{NodeLoad, Queue, QueueSizes};
use crate::config::{Hours, ThrottleConfig};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// A server that takes longer to tell its load has too much of it.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// After a rejected search the source is left alone for so long.
const QUIET_FOR: Duration = Duration::from_secs(10);

/// What a look needs to remember.
#[derive(Debug)]
pub(super) struct Watch {
    config: ThrottleConfig,
    source: Arc<Cluster>,
    target: Arc<Cluster>,
    source_sizes: QueueSizes,
    target_sizes: QueueSizes,
    rejections: Rejections,
}

impl Watch {
    pub(super) fn new(config: ThrottleConfig, source: Arc<Cluster>, target: Arc<Cluster>) -> Self {
        let (source_sizes, target_sizes) = (QueueSizes::default(), QueueSizes::default());
        Watch { config, source, target, source_sizes, target_sizes, rejections: Rejections::default() }
    }

    /// What holds before anything was looked at: what is not known yet holds too.
    pub(super) fn at_first(&self) -> Option<String> {
        outside(self.config.hours, &Zoned::now()).or_else(|| {
            let asked = self.config.watches_source() || self.config.target_queue.is_some();
            asked.then(|| "the load of the clusters has not been read yet".to_owned())
        })
    }

    /// Looks again and again, and tells what holds.
    pub(super) async fn keep_telling(mut self, held: watch::Sender<Option<String>>) {
        loop {
            let holds = self.look().await;
            held.send_if_modified(|held| {
                let changed = *held != holds;
                match (&*held, &holds) {
                    (None, Some(reason)) => tracing::debug!(reason, "held back"),
                    (Some(_), None) => tracing::debug!("held back no longer"),
                    _ => {}
                }
                *held = holds;
                changed
            });
            tokio::time::sleep(EVERY).await;
        }
    }

    /// The first thing that holds the migration back.
    async fn look(&mut self) -> Option<String> {
        if let Some(outside) = outside(self.config.hours, &Zoned::now()) {
            return Some(outside);
        }
        if self.config.watches_source() {
            let queues = self.config.source_search_queue.is_some();
            let loads = match read(&self.source, queues.then_some(&mut self.source_sizes)).await {
                Ok(loads) => loads,
                Err(why) => return Some(format!("source load cannot be read: {why}")),
            };
            let holds = burden(&self.config, &loads, &self.source_sizes)
                .or_else(|| self.config.source_rejections.then(|| self.rejections.look(&loads)).flatten());
            if holds.is_some() {
                return holds;
            }
        }
        let limit = self.config.target_queue?;
        match read(&self.target, Some(&mut self.target_sizes)).await {
            Ok(loads) => loads.iter().find_map(|node| {
                full("target write", node, node.writes, self.target_sizes.writes(node), limit)
            }),
            Err(why) => Some(format!("target load cannot be read: {why}")),
        }
    }
}

fn outside(hours: Option<Hours>, now: &Zoned) -> Option<String> {
    let hours = hours.filter(|hours| !hours.contains(now.time()))?;
    Some(format!("outside of the hours {hours} (it is {})", now.strftime("%H:%M %Z")))
}

/// The loads of a cluster, and the sizes of its queues where they are wanted and not known of every node.
async fn read(cluster: &Cluster, sizes: Option<&mut QueueSizes>) -> Result<Vec<NodeLoad>, String> {
    let reading = async {
        let loads = cluster.loads().await?;
        if let Some(sizes) = sizes
            && !loads.iter().all(|node| sizes.know(node))
        {
            *sizes = cluster.queue_sizes().await?;
        }
        Ok::<_, crate::cluster::failure::CallError>(loads)
    };
    match tokio::time::timeout(ANSWER_WITHIN, reading).await {
        Ok(loads) => loads.map_err(|cause| cause.to_string()),
        Err(_) => Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
    }
}

/// What of the source's load is above its limit, on any node.
fn burden(config: &ThrottleConfig, loads: &[NodeLoad], sizes: &QueueSizes) -> Option<String> {
    loads.iter().find_map(|node| {
        let percent = |what: &str, value: Option<u64>, limit: Option<u64>| {
            let limit = limit?;
            match value {
                Some(value) if value <= limit => None,
                Some(value) => Some(format!("source {what} {value} % on {} (limit {limit} %)", node.name)),
                None => Some(format!("source {what} cannot be read: {} does not tell it", node.name)),
            }
        };
        percent("cpu", node.cpu, config.source_cpu)
            .or_else(|| percent("heap", node.heap, config.source_heap))
            .or_else(|| {
                let limit = config.source_search_queue?;
                full("source search", node, node.searches, sizes.searches(node), limit)
            })
    })
}

/// Whether a queue is fuller than its limit, a share of its size.
fn full(what: &str, node: &NodeLoad, queue: Option<Queue>, size: Option<u64>, limit: f64) -> Option<String> {
    let node = &node.name;
    let (Some(Queue { waiting, .. }), Some(size)) = (queue, size.filter(|size| *size > 0)) else {
        let why = if queue.is_none() { "does not tell it" } else { "has no bound for it" };
        return Some(format!("{what} queue cannot be read: {node} {why}"));
    };
    // Queues are far shorter than 2^52: nothing is lost in the conversion.
    #[allow(clippy::cast_precision_loss)]
    let share = waiting as f64 / size as f64;
    (share > limit).then(|| {
        let (share, limit) = (share * 100.0, limit * 100.0);
        format!("{what} queue {share:.0} % of {size} on {node} (limit {limit:.0} %)")
    })
}

/// Searches that the source's nodes rejected.
#[derive(Debug, Default)]
struct Rejections {
    /// The counts of the last look, by the node's id.
    seen: HashMap<String, u64>,
    /// The last new ones: when, how many, and where.
    last: Option<(Instant, u64, String)>,
}

impl Rejections {
    fn look(&mut self, loads: &[NodeLoad]) -> Option<String> {
        for node in loads {
            let Some(Queue { rejected, .. }) = node.searches else {
                return Some(format!("source rejections cannot be read: {} does not tell them", node.name));
            };
            // A count that went down is that of a node that was started again.
            let before = self.seen.insert(node.id.clone(), rejected);
            let new = before.map_or(0, |before| rejected.saturating_sub(before));
            if new > 0 {
                self.last = Some((Instant::now(), new, node.name.clone()));
            }
        }
        let (_, new, node) = self.last.as_ref().filter(|(at, ..)| at.elapsed() < QUIET_FOR)?;
        Some(format!("source rejected {new} searches on {node} (left alone for {} s)", QUIET_FOR.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(cpu: Option<u64>, waiting: u64, rejected: u64) -> NodeLoad {
        let queue = Some(Queue { waiting, rejected });
        NodeLoad {
            id: "1".to_owned(),
            name: "a".to_owned(),
            cpu,
            heap: Some(70),
            searches: queue,
            writes: queue,
        }
    }

    #[test]
    fn the_highest_node_counts_and_what_is_not_told_holds() {
        let config =
            ThrottleConfig { source_cpu: Some(80), source_heap: Some(70), ..ThrottleConfig::default() };
        let told = |loads: &[NodeLoad]| burden(&config, loads, &QueueSizes::default());
        assert_eq!(told(&[node(Some(80), 0, 0)]), None);
        let busy = told(&[node(Some(10), 0, 0), node(Some(91), 0, 0)]);
        assert_eq!(busy.as_deref(), Some("source cpu 91 % on a (limit 80 %)"));
        assert_eq!(
            told(&[node(None, 0, 0)]).as_deref(),
            Some("source cpu cannot be read: a does not tell it")
        );
    }

    #[test]
    fn a_queue_is_held_against_its_size() {
        let told = |waiting, size| {
            let node = node(None, waiting, 0);
            full("target write", &node, node.writes, size, 0.5)
        };
        assert_eq!(told(100, Some(200)), None);
        assert_eq!(told(108, Some(200)).as_deref(), Some("target write queue 54 % of 200 on a (limit 50 %)"));
        assert_eq!(
            told(0, None).as_deref(),
            Some("target write queue cannot be read: a has no bound for it")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn new_rejections_hold_until_there_were_none_for_a_while() {
        let mut rejections = Rejections::default();
        assert_eq!(rejections.look(&[node(None, 0, 500)]), None, "those of before do not count");
        let told = rejections.look(&[node(None, 0, 512)]);
        assert_eq!(told.as_deref(), Some("source rejected 12 searches on a (left alone for 10 s)"));
        tokio::time::sleep(QUIET_FOR - EVERY).await;
        assert!(rejections.look(&[node(None, 0, 512)]).is_some());
        tokio::time::sleep(EVERY).await;
        assert_eq!(rejections.look(&[node(None, 0, 512)]), None);
        assert_eq!(rejections.look(&[node(None, 0, 3)]), None, "the node was started again");
        assert!(rejections.look(&[node(None, 0, 4)]).is_some());
    }

    #[test]
    fn hours_are_told_with_the_time_that_it_is() {
        let now: Zoned = "2026-11-25T12:30[Europe/Berlin]".parse().unwrap();
        let told = outside(Some("22:00-06:00".parse().unwrap()), &now);
        assert_eq!(told.as_deref(), Some("outside of the hours 22:00-06:00 (it is 12:30 CET)"));
        assert_eq!(outside(Some("12:00-13:00".parse().unwrap()), &now), None);
        assert_eq!(outside(None, &now), None);
    }
}
