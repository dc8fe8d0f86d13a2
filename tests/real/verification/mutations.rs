//! What somebody else does to a target.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};

use super::{Stage, bulk, document, id_of, routing_of};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    Delete,
    Add,
    ChangeDigit,
    /// No difference at all, but for the version.
    ReorderKeys,
    MoveRouting,
    BumpVersion,
}

impl Mutation {
    pub fn of(seed: u64, number: usize) -> Mutation {
        const ALL: [Mutation; 6] = [
            Mutation::Delete,
            Mutation::Add,
            Mutation::ChangeDigit,
            Mutation::ReorderKeys,
            Mutation::MoveRouting,
            Mutation::BumpVersion,
        ];
        // SplitMix64.
        let mut mixed = (seed + number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let choice = usize::try_from((mixed ^ (mixed >> 31)) % 6).unwrap_or_default();
        ALL[choice]
    }
}

/// What was done to a target.
pub struct Mutated {
    /// Kind and id of what a verification has to find.
    pub expected: BTreeSet<(String, String)>,
    /// Documents that say the same in another order.
    pub reordered: BTreeSet<String>,
}

/// Mutates `many` of the target's documents.
pub async fn mutate(stage: &Stage, docs: usize, many: usize, seed: u64) -> Result<Mutated> {
    let (mut expected, mut reordered) = (BTreeSet::new(), BTreeSet::new());
    // What takes the place of a document comes after the one that was there is gone.
    let (mut first, mut second) = (String::new(), String::new());
    for nth in 0..many {
        let number = nth * docs / many;
        let (id, routing) = (id_of(number), routing_of(number));
        let action = |verb: &str, id: &str, routing: Option<&String>, version: Option<u64>| {
            let mut inner = json!({"_id": id});
            if let Some(routing) = routing {
                inner["routing"] = json!(routing);
            }
            if let Some(version) = version {
                inner["version"] = json!(version);
                inner["version_type"] = json!("external");
            }
            format!("{}\n", json!({verb: inner}))
        };
        let source = document(number);
        let kind = match Mutation::of(seed, nth) {
            Mutation::Delete => {
                first.push_str(&action("delete", &id, routing.as_ref(), None));
                "missing"
            }
            Mutation::Add => {
                let id = format!("new-{id}");
                first.push_str(&format!("{}{source}\n", action("index", &id, None, None)));
                expected.insert(("extra".to_owned(), id));
                continue;
            }
            Mutation::ChangeDigit => {
                let other = source.replacen("9007199254740", "9007199254741", 1);
                first.push_str(&format!("{}{other}\n", action("index", &id, routing.as_ref(), None)));
                "different"
            }
            Mutation::ReorderKeys => {
                let mut members: Vec<(String, Value)> = serde_json::from_str::<Value>(&source)?
                    .as_object()
                    .cloned()
                    .unwrap_or_default()
                    .into_iter()
                    .collect();
                members.reverse();
                // The literals stay what they are.
                let written: Vec<String> = members
                    .iter()
                    .map(|(name, value)| match name.as_str() {
                        "price" => format!(r#""price" : {}.5e0"#, number % 100),
                        _ => format!("{} : {value}", json!(name)),
                    })
                    .collect();
                let written = format!("{{ {} }}", written.join(" , "));
                // Written under the version that it has, it is the same document.
                first.push_str(&action("delete", &id, routing.as_ref(), None));
                second.push_str(&format!("{}{written}\n", action("index", &id, routing.as_ref(), Some(1))));
                reordered.insert(id);
                continue;
            }
            Mutation::MoveRouting => {
                first.push_str(&action("delete", &id, routing.as_ref(), None));
                let elsewhere = format!("elsewhere-{number}");
                second.push_str(&format!("{}{source}\n", action("index", &id, Some(&elsewhere), Some(1))));
                "routing"
            }
            Mutation::BumpVersion => {
                first.push_str(&format!("{}{source}\n", action("index", &id, routing.as_ref(), Some(9))));
                "version"
            }
        };
        expected.insert((kind.to_owned(), id));
    }
    let path = format!("/{}/_doc/_bulk", stage.name);
    let remembers = async |span: &str| {
        let settings = json!({"index": {"gc_deletes": span}});
        stage.new.put(&format!("/{}/_settings", stage.name), &settings).await
    };
    // Deletes that are forgotten at once, so that documents can come back under their old version.
    remembers("0s").await?;
    bulk(&stage.new, &path, first).await?;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    stage.new.refresh(&stage.name).await?;
    bulk(&stage.new, &path, second).await?;
    remembers("2s").await?;
    stage.new.refresh(&stage.name).await?;
    Ok(Mutated { expected, reordered })
}
