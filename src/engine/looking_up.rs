//! Documents of the source by their ids, as its searches see them once it is refreshed: in whatever shard they are.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::context::Context;
use super::current::DocumentKey;
use super::sides::text;
use super::worker::IndexCopy;
use crate::cluster::answer::why_unreadable;
use crate::cluster::dialect::reading::Wanted;
use crate::cluster::selection::{Selection, SliceRange};
use crate::error::{Error, Result};
use crate::sink::Identity;
use crate::source::Page;

impl Context {
    /// The documents of these ids that are there, and that the migration's query takes, proven to be all of them. `hidden` is the type to look into where no
    /// other search sees it.
    ///
    /// # Errors
    /// `Temporary` when not every shard answers, or the answer proves nothing.
    pub(super) async fn look_up(
        &self,
        copy: &IndexCopy,
        hidden: Option<&str>,
        ids: &[&str],
        wanted: Wanted,
        doing: &str,
    ) -> Result<Page> {
        let source = &self.source;
        source.refresh(&copy.source_name).await.map_err(|cause| cause.during(source.name(), doing))?;
        let selection = |ids: &[&str]| {
            let ids = json!({"ids": {"values": ids}});
            let query = match &copy.query {
                Some(query) => json!({"bool": {"must": [ids, query]}}),
                None => ids,
            };
            let mut selection = Selection::all(&copy.source_name, Some(&query)).of_types(&copy.only_types);
            if let Some(doc_type) = hidden {
                selection.range = SliceRange::HiddenType { doc_type: doc_type.to_owned() };
            }
            selection
        };
        let most = source.dialect().max_page;
        let request = source.dialect().search(&selection(ids), most, wanted);
        let body = source.call(&request).await.map_err(|cause| cause.during(source.name(), doing))?;
        let unreadable = |why: String| {
            Error::temporary("read_again", format!("cluster `{}`: {doing}: {why}", source.name()))
                .hint("try again when every shard of the source answers")
        };
        let page = Page::read(body.clone()).map_err(|cause| unreadable(why_unreadable(&body, &cause)))?;
        let whole = page.shards.is_some_and(|[total, successful, failed]| failed == 0 && successful == total);
        if !whole || page.timed_out || page.total != Some(page.hits.len() as u64) {
            return Err(unreadable("not every shard answered".to_owned()));
        }
        // Not the answer to this question: what is missing in it is not gone.
        let asked: HashSet<&str> = ids.iter().copied().collect();
        let found: HashSet<String> = page.hits.iter().map(|hit| Identity::of(hit, &page).id).collect();
        if let Some(other) = found.iter().find(|id| !asked.contains(id.as_str())) {
            return Err(unreadable(format!("the answer has a document that was not asked for, `{other}`")));
        }
        // An empty one has nothing to tell it by, so another question is asked before anything counts as gone.
        let missing: Vec<&str> = ids.iter().copied().filter(|id| !found.contains(*id)).collect();
        if !missing.is_empty() {
            let there = source.count(&selection(&missing)).await;
            let there = there.map_err(|cause| cause.during(source.name(), doing))?;
            if there > 0 {
                return Err(unreadable(format!("{there} documents are there that the answer does not have")));
            }
        }
        Ok(page)
    }

    /// Documents of the source that have one of these ids on the target, by the places where they stand there: looked for
    /// in every shard, since a real-time look needs to know the shard.
    ///
    /// # Errors
    /// As [`look_up`](Context::look_up).
    pub(super) async fn places_on_source(
        &self,
        copy: &IndexCopy,
        target_ids: impl IntoIterator<Item = &str>,
    ) -> Result<HashMap<(String, Option<String>), DocumentKey>> {
        let mut ids: Vec<&str> = target_ids.into_iter().flat_map(|id| copy.pipeline.source_ids(id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut places = HashMap::new();
        if ids.is_empty() {
            return Ok(places);
        }
        let doing = format!("looking for documents of `{}` that only the target has", copy.source_name);
        let wanted = copy.source.wanted.without_source();
        let hidden = self.source.dialect().hidden_type.filter(|hidden| copy.pipeline.knows_type(hidden));
        for hidden in std::iter::once(None).chain(hidden.map(Some)) {
            let page = self.look_up(copy, hidden, &ids, wanted, &doing).await?;
            for hit in &page.hits {
                let place = match copy.pipeline.place_of(hit, &page) {
                    Ok(document) => (
                        text(&document.id).into_owned(),
                        document.routing.as_deref().map(|routing| text(routing).into_owned()),
                    ),
                    // It has no place there: what stands on the target is something else.
                    Err(_) => continue,
                };
                let Identity { doc_type, id, routing } = Identity::of(hit, &page);
                let doc_type = hidden.map(ToOwned::to_owned).or(doc_type);
                let parent = hit.parent.map(|span| text(span.of(&page.body)).into_owned());
                let key = DocumentKey { doc_type, id, routing, parent };
                places.insert(place, key);
            }
        }
        Ok(places)
    }
}
