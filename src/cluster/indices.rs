//! The indices of a cluster: which there are, what they are made of, and what can be changed on them.

use serde_json::{Value, json};
use wildmatch::WildMatch;

use super::Cluster;
use super::counting::ShardsAnswer;
use super::dialect::Version;
use super::failure::CallError;
use super::path::encode;
use super::transport::Request;
use crate::error::{Error, Result};

/// One index as the cluster state describes it.
#[derive(Debug, Clone)]
pub struct IndexInfo {
    /// Its name.
    pub name: String,
    /// Its uuid: another one means another index.
    pub uuid: String,
    /// False when it is closed and cannot be read.
    pub open: bool,
    /// Primary shards.
    pub shards: u32,
    /// Version that created it; decides what its documents carry.
    pub created: Option<Version>,
    /// `settings.index`, nested, values as strings.
    pub settings: Value,
    /// Types with their mappings.
    pub types: Vec<(String, Value)>,
    /// Aliases that lead to it.
    pub aliases: Vec<String>,
}

impl IndexInfo {
    /// A setting below `index`, such as `number_of_replicas`.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<String> {
        match self.settings.pointer(&format!("/index/{}", name.replace('.', "/")))? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// Whether a block of its settings keeps writes out: `write`, `read_only`, or that of a full disk.
    #[must_use]
    pub fn takes_no_writes(&self) -> bool {
        let blocks = ["blocks.write", "blocks.read_only", "blocks.read_only_allow_delete"];
        blocks.iter().any(|block| self.setting(block).as_deref() == Some("true"))
    }

    /// Names of its types.
    #[must_use]
    pub fn type_names(&self) -> Vec<String> {
        self.types.iter().map(|(name, _)| name.clone()).collect()
    }
}

impl Cluster {
    /// Every index of the cluster, closed ones included, in the order of their names.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn indices(&self) -> Result<Vec<IndexInfo>, CallError> {
        let state = self.ask(&Request::get("/_cluster/state/metadata,blocks")).await?;
        // Right after a full restart there are no indices for a moment; the block has this id in every version.
        if state.pointer("/blocks/global/1").is_some() {
            return Err(CallError::Incomplete("the cluster has not recovered its state yet".to_owned()));
        }
        let indices = state
            .pointer("/metadata/indices")
            .and_then(Value::as_object)
            .ok_or_else(|| CallError::Malformed("a cluster state without indices".to_owned()))?;
        let described = indices.iter().map(|(name, described)| self.describe(name, described));
        let mut indices = described.collect::<Result<Vec<_>, _>>()?;
        indices.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(indices)
    }

    /// [`indices`](Self::indices) for a caller that gives up on any error.
    ///
    /// # Errors
    /// As [`CallError::during`] puts it.
    pub async fn described(&self) -> Result<Vec<IndexInfo>> {
        self.indices().await.map_err(|cause| cause.during(self.name(), "reading the cluster state"))
    }

    fn describe(&self, name: &str, described: &Value) -> Result<IndexInfo, CallError> {
        let missing =
            |what: &str| CallError::Malformed(format!("index {name} without {what} in the cluster state"));
        let mut info = IndexInfo {
            name: name.to_owned(),
            uuid: String::new(),
            open: described.get("state").and_then(Value::as_str) == Some("open"),
            shards: 0,
            created: None,
            settings: described.get("settings").cloned().ok_or_else(|| missing("settings"))?,
            types: self.dialect().types_of(described.get("mappings").unwrap_or(&Value::Null)),
            aliases: described
                .get("aliases")
                .and_then(Value::as_array)
                .map(|names| names.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect())
                .unwrap_or_default(),
        };
        info.uuid = info.setting("uuid").unwrap_or_default();
        info.created =
            info.setting("version.created").and_then(|id| id.parse().ok()).and_then(Version::from_created);
        let shards: Option<u32> = info.setting("number_of_shards").and_then(|number| number.parse().ok());
        info.shards = shards.filter(|shards| *shards > 0).ok_or_else(|| missing("number_of_shards"))?;
        Ok(info)
    }

    /// Creates an index.
    ///
    /// # Errors
    /// Any [`CallError`]; the refusal of a mapping names what the server does not take.
    pub async fn create_index(&self, name: &str, body: &Value) -> Result<(), CallError> {
        self.change(&self.dialect().create_index(name, body)).await
    }

    /// Deletes an index; one that is not there is just as well.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn delete_index(&self, name: &str) -> Result<(), CallError> {
        match self.change(&self.dialect().delete_index(name)).await {
            Err(CallError::Refused(refusal)) if refusal.status == 404 => Ok(()),
            outcome => outcome,
        }
    }

    /// Changes settings of an index; `null` resets one to its default.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn put_settings(&self, name: &str, settings: &Value) -> Result<(), CallError> {
        self.change(&self.dialect().put_settings(name, settings)).await
    }

    /// The ids of up to `size` documents, in index order.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn some_ids(&self, name: &str, size: u32) -> Result<Vec<String>, CallError> {
        let answer = self
            .ask(&Request::json(
                reqwest::Method::POST,
                format!("/{}/_search", encode(name)),
                &json!({"size": size, "_source": false}),
            ))
            .await?;
        whole(&answer, name).map(ids_of)
    }

    /// Which of these ids the index holds, in whatever type and under whatever routing.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn holds(&self, name: &str, ids: &[String]) -> Result<Vec<String>, CallError> {
        // Routed duplicates count once each, so there may be more hits than ids.
        let body = json!({"size": ids.len() * 4, "_source": false, "query": {"ids": {"values": ids}}});
        let answer = self
            .ask(&Request::json(reqwest::Method::POST, format!("/{}/_search", encode(name)), &body))
            .await?;
        whole(&answer, name).map(ids_of)
    }
}

/// The hits of a search that every shard answered: one that is missing is not empty.
fn whole<'a>(answer: &'a Value, index: &str) -> Result<&'a [Value], CallError> {
    let strange = || CallError::Malformed("a search without _shards or hits".to_owned());
    let shards = ShardsAnswer::of(answer).ok_or_else(strange)?;
    if !shards.is_whole() || shards.total == 0 {
        return Err(CallError::Incomplete(format!("search of {index}: {shards}")));
    }
    answer.pointer("/hits/hits").and_then(Value::as_array).map(Vec::as_slice).ok_or_else(strange)
}

fn ids_of(hits: &[Value]) -> Vec<String> {
    hits.iter().filter_map(|hit| hit.get("_id")?.as_str().map(ToOwned::to_owned)).collect()
}

/// Picks the indices that a list of names and wildcards means; `-name` takes out again.
///
/// A `*` at the beginning of a pattern does not match names that begin with a dot.
///
/// # Errors
/// `Config` for a name that is not there, an alias, a pattern that matches nothing, and for closed indices: they
/// cannot be read, and leaving them out silently would lose them.
pub fn choose<'a>(all: &'a [IndexInfo], patterns: &[String], cluster: &str) -> Result<Vec<&'a IndexInfo>> {
    let mut chosen: Vec<&IndexInfo> = Vec::new();
    for pattern in patterns {
        let (removes, name) =
            pattern.strip_prefix('-').map_or((false, pattern.as_str()), |rest| (true, rest));
        let hides_dots = name.starts_with('*');
        let matcher = WildMatch::new(name);
        let matching =
            |index: &&IndexInfo| matcher.matches(&index.name) && !(hides_dots && index.name.starts_with('.'));
        if removes {
            chosen.retain(|index| !matcher.matches(&index.name));
            continue;
        }
        let found: Vec<&IndexInfo> = all.iter().filter(matching).collect();
        if found.is_empty() {
            return Err(nothing_matches(all, name, cluster));
        }
        for index in found {
            if !chosen.iter().any(|known| known.name == index.name) {
                chosen.push(index);
            }
        }
    }
    if chosen.is_empty() {
        return Err(Error::config(
            "no_index",
            format!("cluster `{cluster}`: {patterns:?} leaves no index to copy"),
        ));
    }
    if let Some(closed) = chosen.iter().find(|index| !index.open) {
        let name = &closed.name;
        return Err(Error::refused(
            "index_closed",
            format!("cluster `{cluster}`: index `{name}` is closed and cannot be read"),
        )
        .hint(format!("open it (POST /{name}/_open), or leave it out with \"-{name}\"")));
    }
    Ok(chosen)
}

fn nothing_matches(all: &[IndexInfo], name: &str, cluster: &str) -> Error {
    let behind: Vec<&str> = all
        .iter()
        .filter(|index| index.aliases.iter().any(|alias| alias == name))
        .map(|index| index.name.as_str())
        .collect();
    if !behind.is_empty() {
        return Error::config(
            "alias",
            format!("cluster `{cluster}`: `{name}` is an alias of {}", behind.join(", ")),
        )
        .hint("name the indices themselves: an alias may filter documents or add routing");
    }
    let error = Error::config("no_index", format!("cluster `{cluster}`: no index matches `{name}`"));
    let near = all
        .iter()
        .map(|index| (strsim::damerau_levenshtein(&index.name, name), index))
        .min_by_key(|(distance, _)| *distance);
    match near {
        Some((distance, index)) if distance <= 3 => error.hint(format!("did you mean `{}`?", index.name)),
        _ => error.hint("list the indices with `curl URL/_cat/indices`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str, open: bool, aliases: &[&str]) -> IndexInfo {
        IndexInfo {
            name: name.to_owned(),
            uuid: String::new(),
            open,
            shards: 1,
            created: None,
            settings: json!({}),
            types: Vec::new(),
            aliases: aliases.iter().map(ToString::to_string).collect(),
        }
    }

    fn names(patterns: &[&str]) -> Result<Vec<String>> {
        let all = [
            index("alerts-1", true, &["alerts"]),
            index("alerts-2", true, &[]),
            index("logs", false, &[]),
            index(".kibana", true, &[]),
        ];
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        choose(&all, &patterns, "old").map(|chosen| chosen.iter().map(|index| index.name.clone()).collect())
    }

    #[test]
    fn wildcards_choose_and_a_minus_takes_out() {
        assert_eq!(names(&["alerts-*"]).unwrap(), ["alerts-1", "alerts-2"]);
        assert_eq!(names(&["*", "-logs"]).unwrap(), ["alerts-1", "alerts-2"]);
        assert_eq!(names(&["alerts-*", "-alerts-2", ".kibana"]).unwrap(), ["alerts-1", ".kibana"]);
    }

    #[test]
    fn what_cannot_be_read_is_never_left_out_silently() {
        assert_eq!(names(&["logs"]).unwrap_err().code(), "index_closed");
        assert_eq!(names(&["alerts"]).unwrap_err().code(), "alias");
        let error = names(&["alrts-1"]).unwrap_err();
        assert_eq!(error.remedy(), Some("did you mean `alerts-1`?"));
    }
}
