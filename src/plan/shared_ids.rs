//! Finds out whether two types of an index share an id: what has to be known before types become one.

use std::sync::Arc;

use serde_json::json;

use crate::cluster::Cluster;
use crate::cluster::dialect::reading::Wanted;
use crate::cluster::indices::IndexInfo;
use crate::cluster::selection::Selection;
use crate::error::{Error, Result};
use crate::plan::slice::Cursor;
use crate::source::{PageSize, ReadError, SliceReader, SourceIndex};

/// Ids looked up at once: far below the limits of a query, enough to be cheap.
const AT_ONCE: u32 = 1000;

/// Whether some id stands in more than one type; one such id, with one of its types.
///
/// Reads the ids of every type but the largest, and looks each up in all the others: exact, and never more ids than half
/// of the index. A document that is written meanwhile may be missed; the counts at the end tell.
///
/// # Errors
/// `Temporary` when the source does not answer whole.
pub async fn shared_id(
    cluster: &Arc<Cluster>,
    index: &IndexInfo,
    query: Option<&serde_json::Value>,
) -> Result<Option<(String, String)>> {
    let doing = format!("looking for ids that types of `{}` share", index.name);
    let mut types = Vec::new();
    for (name, _) in &index.types {
        let selection = Selection::all(&index.name, query).of_types(std::slice::from_ref(name));
        let docs = cluster.count(&selection).await.map_err(|cause| cause.during(cluster.name(), &doing))?;
        types.push((docs, name.clone()));
    }
    types.sort_unstable();
    types.pop();
    let source = SourceIndex {
        cluster: cluster.clone(),
        wanted: Wanted::Ids,
        page_size: Arc::new(PageSize::new(AT_ONCE, 1)),
    };
    for (docs, name) in types.iter().filter(|(docs, _)| *docs > 0) {
        tracing::info!(
            index = index.name,
            doc_type = name,
            docs,
            "looking for ids that it shares with other types"
        );
        let others: Vec<String> =
            index.types.iter().map(|(other, _)| other.clone()).filter(|other| other != name).collect();
        for shard in 0..index.shards {
            let selection =
                Selection::all(&index.name, query).of_types(std::slice::from_ref(name)).in_shard(shard);
            let mut reader = SliceReader::new(source.clone(), selection, Cursor::Start);
            while let Some(next) = reader.next_page().await.map_err(|lost| unread(lost, cluster, &doing))? {
                let ids: Vec<String> = next
                    .page
                    .hits
                    .iter()
                    .filter_map(|hit| serde_json::from_slice(hit.id.of(&next.page.body)).ok())
                    .collect();
                if let Some(id) = among(cluster, index, &others, &ids, &doing).await? {
                    reader.abandon().await;
                    return Ok(Some((id, name.clone())));
                }
            }
        }
    }
    Ok(None)
}

/// One of these ids that a document of these types has.
async fn among(
    cluster: &Cluster,
    index: &IndexInfo,
    types: &[String],
    ids: &[String],
    doing: &str,
) -> Result<Option<String>> {
    let query = json!({"ids": {"type": types, "values": ids}});
    let selection = Selection::all(&index.name, Some(&query)).of_types(types);
    let found = cluster.count(&selection).await.map_err(|cause| cause.during(cluster.name(), doing))?;
    if found == 0 {
        return Ok(None);
    }
    let request = cluster.dialect().search(&selection, 1, Wanted::Ids);
    let answer = cluster.ask(&request).await.map_err(|cause| cause.during(cluster.name(), doing))?;
    let id = answer.pointer("/hits/hits/0/_id").and_then(serde_json::Value::as_str);
    Ok(Some(id.unwrap_or("?").to_owned()))
}

fn unread(lost: ReadError, cluster: &Cluster, doing: &str) -> Error {
    match lost {
        ReadError::Fatal(error) => error,
        lost => Error::temporary("unread_ids", format!("cluster `{}`: {doing}: {lost}", cluster.name()))
            .hint("planning goes on with the next start; `prefix_ids = \"always\"` does without this look"),
    }
}
