//! How busy the nodes of a cluster are: requests for their statistics, and the shapes of the answers.

use std::collections::HashMap;

use serde_json::Value;

use super::Dialect;
use crate::cluster::load::{NodeLoad, Queue};
use crate::cluster::transport::Request;

impl Dialect {
    /// The statistics of every node. `filter_path` keeps the answer to some hundred bytes a node; before 1.6 it is
    /// not known, and the whole statistics come (measured on 1.7.6, 2.4.6, 5.6.16 and 6.8.23).
    #[must_use]
    pub fn node_statistics(&self) -> Request {
        let cpu = self.cpu.trim_start_matches('/').replace('/', ".");
        let pool =
            |name: &str| format!("nodes.*.thread_pool.{name}.queue,nodes.*.thread_pool.{name}.rejected");
        Request::get(format!(
            "/_nodes/stats/os,jvm,thread_pool?filter_path=_nodes.failed,nodes.*.name,nodes.*.{cpu},nodes.*.jvm.mem.heap_used_percent,{},{}",
            pool("search"),
            pool(self.write_pool)
        ))
    }

    /// How many requests the queues of every node hold, which the statistics do not tell.
    #[must_use]
    pub fn node_queues(&self) -> Request {
        Request::get(format!(
            "/_nodes/thread_pool?filter_path=nodes.*.thread_pool.search.queue_size,nodes.*.thread_pool.{}.queue_size",
            self.write_pool
        ))
    }

    /// The nodes of an answer to [`Self::node_statistics`]. From 5.0 on it counts nodes that did not answer.
    ///
    /// # Errors
    /// The reason when not every node is in it.
    pub fn node_loads(&self, answer: &Value) -> Result<Vec<NodeLoad>, String> {
        if let Some(failed) = answer.pointer("/_nodes/failed").and_then(Value::as_u64)
            && failed > 0
        {
            return Err(format!("{failed} nodes did not answer"));
        }
        let nodes = answer.get("nodes").and_then(Value::as_object).filter(|nodes| !nodes.is_empty());
        let nodes = nodes.ok_or_else(|| "an answer without nodes".to_owned())?;
        let queue = |node: &Value, pool: &str| {
            let pool = node.pointer(&format!("/thread_pool/{pool}"))?;
            Some(Queue { waiting: pool.get("queue")?.as_u64()?, rejected: pool.get("rejected")?.as_u64()? })
        };
        let load = |(id, node): (&String, &Value)| NodeLoad {
            id: id.clone(),
            name: node.get("name").and_then(Value::as_str).unwrap_or(id).to_owned(),
            // -1 stands for what the system does not tell: no number, as far as this goes.
            cpu: node.pointer(self.cpu).and_then(Value::as_u64),
            heap: node.pointer("/jvm/mem/heap_used_percent").and_then(Value::as_u64),
            searches: queue(node, "search"),
            writes: queue(node, self.write_pool),
        };
        Ok(nodes.iter().map(load).collect())
    }

    /// The sizes of the queues in an answer to [`Self::node_queues`], of searches and of writes, by the node's id. A
    /// queue without a bound (-1) is left out. 1.x writes them as text, `"1k"` for 1000 (measured on 1.7.6).
    #[must_use]
    pub fn queue_sizes(&self, answer: &Value) -> HashMap<String, [Option<u64>; 2]> {
        let nodes = answer.get("nodes").and_then(Value::as_object).into_iter().flatten();
        let size =
            |node: &Value, pool: &str| match node.pointer(&format!("/thread_pool/{pool}/queue_size"))? {
                Value::String(text) => counted(text),
                number => number.as_u64(),
            };
        nodes.map(|(id, node)| (id.clone(), [size(node, "search"), size(node, self.write_pool)])).collect()
    }
}

/// `200`, `1k`, `2m`: thousands, as `SizeValue` of 1.x writes them.
fn counted(text: &str) -> Option<u64> {
    let (digits, unit) = match text.char_indices().last()? {
        (at, 'k') => (&text[..at], 1000),
        (at, 'm') => (&text[..at], 1_000_000),
        _ => (text, 1),
    };
    if let Ok(whole) = digits.parse::<u64>() {
        return whole.checked_mul(unit);
    }
    // `1.5k`: one digit behind the point.
    let (whole, tenths) = digits.split_once('.')?;
    let tenths = tenths.parse::<u64>().ok().filter(|tenths| *tenths < 10)?;
    whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(tenths * unit / 10)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::dialect::{Distribution, Version};

    fn dialect(major: u32, minor: u32) -> Dialect {
        Dialect::of(Version::new(major, minor, 0), Distribution::Elasticsearch).unwrap()
    }

    #[test]
    fn the_pool_of_writes_and_the_processors_are_found_in_every_version() {
        let of = |major, minor| (dialect(major, minor).write_pool, dialect(major, minor).cpu);
        assert_eq!(of(1, 7), ("bulk", "/os/cpu/usage"));
        assert_eq!(of(2, 4), ("bulk", "/os/cpu_percent"));
        assert_eq!(of(5, 6), ("bulk", "/os/cpu/percent"));
        assert_eq!(of(6, 2), ("bulk", "/os/cpu/percent"));
        assert_eq!(of(6, 3), ("write", "/os/cpu/percent"));
        assert_eq!(of(7, 17), ("write", "/os/cpu/percent"));
    }

    #[test]
    fn a_node_that_did_not_answer_is_not_taken_for_an_idle_one() {
        let of = |answer: &Value| dialect(6, 8).node_loads(answer);
        let pools = json!({"search": {"queue": 3, "rejected": 9}, "write": {"queue": 108, "rejected": 0}});
        let node = json!({"name": "a", "os": {"cpu": {"percent": 64}}, "jvm": {"mem": {"heap_used_percent": 73}}, "thread_pool": pools});
        let loads = of(&json!({"_nodes": {"failed": 0}, "nodes": {"x": node}})).unwrap();
        assert_eq!((loads[0].cpu, loads[0].heap), (Some(64), Some(73)));
        assert_eq!(loads[0].writes, Some(Queue { waiting: 108, rejected: 0 }));
        assert!(of(&json!({"_nodes": {"failed": 1}, "nodes": {"x": {}}})).unwrap_err().contains("1 nodes"));
        assert!(of(&json!({})).is_err());
        let silent = of(&json!({"nodes": {"x": {"os": {"cpu": {"percent": -1}}}}})).unwrap();
        assert_eq!((silent[0].cpu, silent[0].searches), (None, None));
        assert_eq!(silent[0].name, "x");
    }

    #[test]
    fn sizes_of_queues_are_numbers_or_words() {
        let size = |size: Value| {
            let answer = json!({"nodes": {"x": {"thread_pool": {"search": {"queue_size": size}}}}});
            dialect(1, 7).queue_sizes(&answer)["x"][0]
        };
        assert_eq!(size(json!("50")), Some(50));
        assert_eq!(size(json!("1k")), Some(1000));
        assert_eq!(size(json!("1.5k")), Some(1500));
        assert_eq!(size(json!(200)), Some(200));
        assert_eq!(size(json!(-1)), None);
        assert_eq!(size(json!("-1")), None);
    }
}
