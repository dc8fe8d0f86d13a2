//! Documents of the source: one by its id, or a few as they come.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::cluster::indices::{IndexInfo, choose};
use crate::cluster::selection::{Selection, SliceRange};
use crate::config::{Config, MigrationConfig};
use crate::error::{Error, Result};
use crate::schema::{self, Destination};
use crate::source::Page;
use crate::transform::Shape;

use super::super::output;
use super::{Specimen, Transform};

/// Documents of one id that are asked for: of several types, or in several shards by routing.
const SAME_ID: u32 = 100;

impl Transform {
    /// `planned`: what types became, where a plan knows.
    pub(super) async fn sought(
        &self,
        config: &Config,
        migration: &MigrationConfig,
        planned: Option<Shape>,
    ) -> Result<Vec<Specimen>> {
        let name = &migration.from.cluster;
        let cluster = Cluster::connect(name, config.cluster(name)?).await?;
        let all = cluster.described().await?;
        let patterns = match &self.index {
            Some(index) => std::slice::from_ref(index),
            None => migration.from.indices.as_slice(),
        };
        let most = self.sample.unwrap_or(1);
        let query = match &self.id {
            Some(id) => Some(json!({"ids": {"values": [id]}})),
            None => self.sampled(migration),
        };
        let mut specimens = Vec::new();
        for info in choose(&all, patterns, name)? {
            let missing = most.saturating_sub(u32::try_from(specimens.len()).unwrap_or(u32::MAX));
            let size = if self.id.is_some() { SAME_ID } else { missing };
            let found = self.of_index(&cluster, info, query.as_ref(), size).await?;
            let destinations = schema::destinations(migration, info)?;
            if planned.is_none() && destinations.iter().any(Destination::look_for_shared_ids) {
                output::note(
                    "ids are shown as they are: the plan finds out whether types share any, and prefixes all then",
                );
            }
            specimens.extend(
                found.into_iter().map(|specimen| directed(specimen, &destinations, planned.as_ref())),
            );
            if self.id.is_none() && specimens.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
                break;
            }
        }
        if specimens.is_empty() {
            let what =
                self.id.as_ref().map_or_else(|| "document".to_owned(), |id| format!("document {id:?}"));
            return Err(Error::refused(
                "no_such_document",
                format!("cluster `{name}`: no such {what} in {}", patterns.join(", ")),
            )
            .hint("check --id, --type, --routing and --index, or let `--sample 1` find one"));
        }
        Ok(specimens)
    }

    /// The migration's own query, narrowed to a routing or type.
    fn sampled(&self, migration: &MigrationConfig) -> Option<Value> {
        let routing = self.routing.as_ref().map(|routing| json!({"term": {"_routing": routing}}));
        let doc_type = self.doc_type.as_ref().map(|name| json!({"term": {"_type": name}}));
        let all: Vec<Value> =
            migration.from.query.clone().into_iter().chain(routing).chain(doc_type).collect();
        (!all.is_empty()).then(|| json!({"bool": {"must": all}}))
    }

    async fn of_index(
        &self,
        cluster: &Cluster,
        info: &IndexInfo,
        query: Option<&Value>,
        size: u32,
    ) -> Result<Vec<Specimen>> {
        let dialect = cluster.dialect();
        let wanted = dialect.documents_of(&info.types);
        let mut selection = Selection::all(&info.name, query);
        if let Some(hidden) = dialect.hidden_type
            && self.doc_type.as_deref() == Some(hidden)
        {
            selection.range = SliceRange::HiddenType { doc_type: hidden.to_owned() };
        }
        let doing = format!("reading documents of `{}`", info.name);
        let request = dialect.search(&selection, size.min(dialect.max_page), wanted);
        let body = cluster.call(&request).await.map_err(|cause| cause.during(cluster.name(), &doing))?;
        let page = Page::read(body).map_err(|cause| {
            Error::temporary("unreadable", format!("cluster `{}`: {doing}: {cause}", cluster.name()))
        })?;
        if page.shards.is_none_or(|[total, successful, failed]| failed > 0 || successful != total) {
            return Err(Error::temporary(
                "shards_missing",
                format!("cluster `{}`: {doing}: not every shard answered", cluster.name()),
            )
            .hint("try again when every shard of the source answers"));
        }
        let own = |part: Option<crate::source::Span>| part.map(|part| part.of(&page.body).to_vec());
        let is = |part: &Option<Vec<u8>>, wanted: &Option<String>| match wanted {
            None => true,
            Some(wanted) => part
                .as_ref()
                .and_then(|raw| serde_json::from_slice::<String>(raw).ok())
                .is_some_and(|text| text == *wanted),
        };
        let mut specimens = Vec::new();
        for hit in &page.hits {
            let source = own(hit.source).ok_or_else(|| {
                Error::refused(
                    "no_source",
                    format!("cluster `{}`: index `{}` does not give out _source", cluster.name(), info.name),
                )
            })?;
            let specimen = Specimen {
                index: info.name.clone(),
                id: hit.id.of(&page.body).to_vec(),
                doc_type: own(hit.doc_type),
                routing: own(hit.routing),
                parent: own(hit.parent),
                version: hit.version,
                source,
                target: None,
                shape: Shape::Plain,
            };
            if is(&specimen.doc_type, &self.doc_type) && is(&specimen.routing, &self.routing) {
                specimens.push(specimen);
            }
        }
        Ok(specimens)
    }
}

/// A document with the target of its type.
fn directed(specimen: Specimen, destinations: &[Destination], planned: Option<&Shape>) -> Specimen {
    let name = specimen.doc_type.as_ref().and_then(|raw| serde_json::from_slice::<String>(raw).ok());
    let of_its_type = |known: &&Destination| {
        name.as_ref().is_none_or(|name| known.source.types.iter().any(|(known, _)| known == name))
    };
    let Some(destination) = destinations.iter().find(of_its_type) else { return specimen };
    let shape = match (planned, &destination.shape) {
        (Some(planned), Shape::Merged { .. } | Shape::Joined { .. }) => planned.clone(),
        _ => destination.shape(false),
    };
    Specimen { target: Some(destination.index.as_str().into()), shape, ..specimen }
}
