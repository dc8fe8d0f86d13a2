//! How a cluster is: health, room on its disks, its clock.

use jiff::Timestamp;
use serde_json::Value;

use super::Cluster;
use super::failure::CallError;
use super::transport::Request;

/// Health of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// `green`, `yellow` or `red`.
    pub colour: String,
    /// Copies of shards that are nowhere yet.
    pub unassigned: u64,
}

/// A node's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The node.
    pub node: String,
    /// Bytes that can still be written.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

impl Disk {
    /// How full it is, in percent.
    #[must_use]
    pub fn percent(&self) -> u64 {
        (self.total - self.free.min(self.total)) * 100 / self.total.max(1)
    }
}

impl Cluster {
    /// Health of an index.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn health_of(&self, index: &str) -> Result<Health, CallError> {
        let health = self.ask(&self.dialect().health(Some(index))).await?;
        if health.get("timed_out") == Some(&Value::Bool(true)) {
            return Err(CallError::Incomplete(format!("the health of {index} is not known in time")));
        }
        let colour = health.get("status").and_then(Value::as_str);
        let unassigned = health.get("unassigned_shards").and_then(Value::as_u64);
        match (colour, unassigned) {
            (Some(colour), Some(unassigned)) => Ok(Health { colour: colour.to_owned(), unassigned }),
            _ => Err(CallError::Malformed("a health without status".to_owned())),
        }
    }

    /// The disks of all nodes that have some.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn disks(&self) -> Result<Vec<Disk>, CallError> {
        let stats = self.ask(&Request::get("/_nodes/stats/fs")).await?;
        let nodes = stats.get("nodes").and_then(Value::as_object);
        let nodes = nodes.ok_or_else(|| CallError::Malformed("statistics without nodes".to_owned()))?;
        let disks = nodes.values().filter_map(|node| {
            let number = |name: &str| node.pointer(&format!("/fs/total/{name}")).and_then(Value::as_u64);
            let (free, total) = (number("available_in_bytes")?, number("total_in_bytes")?);
            let node = node.get("name").and_then(Value::as_str).unwrap_or("?").to_owned();
            Some(Disk { node, free, total })
        });
        Ok(disks.collect())
    }

    /// What its clock says, to the second. `_cat/health` has told it since 1.0.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn clock(&self) -> Result<Timestamp, CallError> {
        let answer = self.call(&Request::get("/_cat/health?h=epoch")).await?;
        let text = String::from_utf8_lossy(&answer);
        let second = text.trim().parse().ok().and_then(|second| Timestamp::from_second(second).ok());
        second.ok_or_else(|| CallError::Malformed(format!("a clock that says {:?}", text.trim())))
    }
}
