//! Alerts as in the seed's cluster: about 700 bytes, 24-hex ids in order of time, a map of 4 to 13 tags.

use super::bulk::BulkWriter;
use super::document::{Body, Document};
use crate::endpoint::Endpoint;
use anyhow::Result;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt::Write;

/// Which alerts: the same numbers always give the same documents.
#[derive(Debug, Clone, Copy)]
pub struct AlertSet {
    /// Tells sets of the same size apart.
    pub seed: u64,
    /// How many are indexed at first.
    pub count: u64,
    /// Every so-manieth has a routing of its own; 0 for none.
    pub routed_every: u64,
    /// Every so-manieth is written again, one to four times; 0 for none.
    pub updated_every: u64,
    /// Every so-manieth is deleted at the end; 0 for none.
    pub deleted_every: u64,
}

impl AlertSet {
    /// Alerts that were written once.
    pub fn plain(seed: u64, count: u64) -> AlertSet {
        AlertSet { seed, count, routed_every: 0, updated_every: 0, deleted_every: 0 }
    }

    /// Alerts with a history: some routed, some at versions 2 to 5, some deleted.
    pub fn lived(seed: u64, count: u64) -> AlertSet {
        AlertSet { seed, count, routed_every: 13, updated_every: 7, deleted_every: 41 }
    }

    /// The documents as first indexed.
    pub fn documents(self) -> impl Iterator<Item = Document> + Send {
        (0..self.count).map(move |number| self.document(number, 1))
    }

    fn document(self, number: u64, revision: u64) -> Document {
        let mut document = alert(self.seed, number, revision);
        if picked(number, self.routed_every) {
            document = document.routed(format!("org-{}", number % 17));
        }
        document
    }

    /// How many revisions this document gets in all.
    fn revisions(self, number: u64) -> u64 {
        if picked(number, self.updated_every) { 2 + number / self.updated_every % 4 } else { 1 }
    }
}

/// What was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadedAlerts {
    /// Documents that are there now.
    pub documents: u64,
    /// Writes of documents that were there already.
    pub updates: u64,
    /// Documents that were deleted again.
    pub deletes: u64,
}

fn picked(number: u64, every: u64) -> bool {
    every != 0 && number % every == every / 2
}

/// One alert. A higher revision has the same id and another content.
pub fn alert(seed: u64, number: u64, revision: u64) -> Document {
    let mut fixed = ChaCha8Rng::seed_from_u64(seed);
    let host: u64 = fixed.random_range(0..1 << 40);
    let seconds = 1_514_764_800 + number / 20;
    let id = format!("{seconds:08x}{host:010x}{:06x}", number % (1 << 24));
    let mix = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ revision.rotate_left(56);
    let mut random = ChaCha8Rng::seed_from_u64(mix);
    Document::new(id, source(&mut random, seconds, revision))
}

const TAGS: [&str; 24] = [
    "host",
    "check",
    "cluster",
    "region",
    "team",
    "service",
    "environment",
    "application",
    "datacenter",
    "rack",
    "customer",
    "priority",
    "runbook",
    "container",
    "namespace",
    "pod",
    "image",
    "version",
    "owner",
    "device",
    "interface",
    "link",
    "monitor",
    "object",
];
const WORDS: [&str; 16] = [
    "disk",
    "latency",
    "above",
    "threshold",
    "node",
    "unreachable",
    "memory",
    "usage",
    "high",
    "on",
    "queue",
    "backlog",
    "timeout",
    "connection",
    "refused",
    "by",
];

fn source(random: &mut ChaCha8Rng, seconds: u64, revision: u64) -> String {
    let mut text = String::with_capacity(900);
    let organization = random.random_range(0..400);
    let incident: u64 = random.random();
    let status = ["critical", "warning", "ok", "acknowledged"][random.random_range(0..4)];
    let system = ["nagios", "zabbix", "cloudwatch", "datadog", "newrelic"][random.random_range(0..5)];
    let milliseconds = random.random_range(0..1000);
    // writing to a string cannot fail
    let _ = write!(
        text,
        "{{\"created\":{}{milliseconds:03},\"updated\":{}000,\"organization\":\"org-{organization}\",\
         \"incident\":\"{seconds:08x}{incident:016x}\",\"source\":\"{system}\",\"status\":\"{status}\",\
         \"severity\":{},\"revision\":{revision},\"score\":{}.{}0,\"description\":\"",
        seconds,
        seconds + revision * 60,
        random.random_range(1..6),
        random.random_range(0..100),
        random.random_range(0..10),
    );
    for word in 0..random.random_range(10..22) {
        if word > 0 {
            text.push(' ');
        }
        text.push_str(WORDS[random.random_range(0..WORDS.len())]);
    }
    text.push_str("\",\"actions\":{\"tags\":{");
    let first = random.random_range(0..TAGS.len());
    for tag in 0..random.random_range(4..=13) {
        if tag > 0 {
            text.push(',');
        }
        let name = TAGS[(first + tag) % TAGS.len()];
        let value: u64 = random.random();
        let _ = write!(text, "\"{name}\":\"{name}-{value:016x}.example\"");
    }
    text.push_str("}}}");
    text
}

/// Makes the index anew and loads the set into it: first all, then the updates in order, then the deletes.
pub async fn load_alerts(endpoint: &Endpoint, index: &str, set: AlertSet) -> Result<LoadedAlerts> {
    let major = endpoint.major().await?;
    let (body, kind) = Body::Alerts.for_major(major)?;
    endpoint.recreate_index(index, &body).await?;
    let writer = BulkWriter::new(endpoint, index, (major < 7).then_some(kind));
    let indexed = writer.index(set.documents()).await?;
    let mut updates = 0;
    for revision in 2..=5 {
        let due = (0..set.count).filter(|number| revision <= set.revisions(*number));
        updates += writer.index(due.map(|number| set.document(number, revision))).await?;
    }
    let doomed = (0..set.count).filter(|number| picked(*number, set.deleted_every));
    let deletes = writer.delete(doomed.map(|number| set.document(number, 1))).await?;
    endpoint.refresh(index).await?;
    endpoint.flush(index).await?;
    Ok(LoadedAlerts { documents: indexed - deletes, updates, deletes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_same_numbers_give_the_same_documents() {
        assert_eq!(alert(1, 77, 1), alert(1, 77, 1));
        assert_eq!(alert(1, 77, 1).id, alert(1, 77, 2).id);
        assert_ne!(alert(1, 77, 1).source, alert(1, 77, 2).source);
        assert_ne!(alert(1, 77, 1).id, alert(2, 77, 1).id);
    }

    #[test]
    fn ids_are_object_ids_in_order_and_unique() {
        let ids: Vec<String> = AlertSet::plain(3, 5000).documents().map(|document| document.id).collect();
        assert!(ids.iter().all(|id| id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit())));
        assert!(ids.is_sorted());
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    }

    #[test]
    fn documents_are_json_of_about_700_bytes() {
        let mut bytes = 0;
        for document in AlertSet::plain(4, 2000).documents() {
            bytes += document.source.len();
            let json: serde_json::Value = serde_json::from_str(&document.source).unwrap();
            let tags = json["actions"]["tags"].as_object().unwrap().len();
            assert!((4..=13).contains(&tags), "{tags}");
        }
        assert!((650..750).contains(&(bytes / 2000)), "{}", bytes / 2000);
    }

    #[test]
    fn a_lived_set_has_versions_two_to_five() {
        let set = AlertSet::lived(5, 1000);
        let revisions: HashSet<u64> = (0..1000).map(|number| set.revisions(number)).collect();
        assert_eq!(revisions, HashSet::from([1, 2, 3, 4, 5]));
    }
}
