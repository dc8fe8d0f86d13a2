//! Target indices before and after the load: created, checked, tuned, and put back as they were.

use serde_json::json;

use super::context::Context;
use crate::cluster::Cluster;
use crate::cluster::failure::CallError;
use crate::cluster::indices::IndexInfo;
use crate::config::{Schema, WriteMode};
use crate::error::{Error, Kind, Result};
use crate::schema;
use crate::store::records::{IndexRecord, Originals};

/// Documents of a target that are looked up on the source, to tell an earlier run's from somebody else's.
const PROBE: u32 = 100;

impl Context {
    /// Makes sure that every target index stands, is the right one, and is tuned for the load.
    ///
    /// # Errors
    /// `Refused` and `Config` for targets that cannot or must not be written.
    pub(super) async fn prepare(&self) -> Result<()> {
        let records = self.indices().await?;
        let (sources, targets) = (self.source.described().await?, self.target.described().await?);
        for record in records {
            let source = sources.iter().find(|index| index.name == record.source);
            let source = source.ok_or_else(|| gone(&self.source, &record.source))?;
            let target = targets.iter().find(|index| index.name == record.target).cloned();
            self.prepare_index(record, source, target).await?;
        }
        Ok(())
    }

    async fn prepare_index(
        &self,
        mut record: IndexRecord,
        source: &IndexInfo,
        mut target: Option<IndexInfo>,
    ) -> Result<()> {
        if let Some(target) = &target {
            still_the_same(&record, target)?;
        }
        let created = target.is_none();
        if created {
            if record.target_uuid.is_some() {
                return Err(gone(&self.target, &record.target));
            }
            self.create(source, &record).await?;
            target = self.target.described().await?.into_iter().find(|index| index.name == record.target);
        }
        let target = target.ok_or_else(|| gone(&self.target, &record.target))?;
        if !target.open {
            return Err(Error::refused(
                "index_closed",
                format!("cluster `{}`: target index `{}` is closed", self.target.name(), record.target),
            )
            .hint(format!("open it: POST /{}/_open", record.target)));
        }
        if record.originals.is_none() {
            if !created {
                self.refuse_foreign(&record).await?;
            }
            if let Some((doc_type, _)) = target.types.first() {
                record.target_type = Some(doc_type.clone());
            }
            record.target_uuid = Some(target.uuid.clone());
            record.originals = Some(Originals {
                refresh_interval: target.setting("refresh_interval"),
                number_of_replicas: target.setting("number_of_replicas"),
                auto_expand_replicas: target.setting("auto_expand_replicas"),
                created,
            });
            // Stored before they are changed: whatever happens next, they can be put back.
            self.store.save_index(&self.name, &record)?;
        }
        let tuned =
            json!({"refresh_interval": "-1", "number_of_replicas": "0", "auto_expand_replicas": false});
        self.target.put_settings(&record.target, &tuned).await.map_err(|cause| {
            cause.during(self.target.name(), &format!("tuning `{}` for the load", record.target))
        })?;
        record.prepared = true;
        record.restored = false;
        self.store.save_index(&self.name, &record)?;
        self.progress.take_index(&record);
        Ok(())
    }

    /// Checks that the indices that were prepared are still there: a target that is deleted in the middle is made anew
    /// by the next bulk, with a mapping of the server's own (dialects 4.5).
    ///
    /// # Errors
    /// `Refused`, naming the index.
    pub(super) async fn targets_stand(&self, records: &[IndexRecord]) -> Result<()> {
        let targets = self.target.described().await?;
        for record in records {
            let target = targets.iter().find(|index| index.name == record.target);
            still_the_same(record, target.ok_or_else(|| gone(&self.target, &record.target))?)?;
        }
        Ok(())
    }

    async fn create(&self, source: &IndexInfo, record: &IndexRecord) -> Result<()> {
        let Some(body) = schema::target_body(&self.config.schema, source, &self.target)? else {
            return Err(Error::config("no_target", format!("target index `{}` is not there", record.target))
                .hint("create it, or give its body with `schema = \"file:PATH\"`"));
        };
        tracing::info!(index = record.target, "creating the target index");
        self.target
            .create_index(&record.target, &body)
            .await
            .map_err(|cause| refused_body(&self.config.schema, &self.target, record, cause))
    }

    /// A target that holds documents which the source does not know is somebody else's.
    async fn refuse_foreign(&self, record: &IndexRecord) -> Result<()> {
        if self.config.write.mode == WriteMode::Create {
            return Ok(());
        }
        let doing = format!("looking at what `{}` holds", record.target);
        let there = self.target.refresh(&record.target).await;
        there.map_err(|cause| cause.clone().during(self.target.name(), &doing))?;
        let ids = self
            .target
            .some_ids(&record.target, PROBE)
            .await
            .map_err(|cause| cause.during(self.target.name(), &doing))?;
        if ids.is_empty() {
            return Ok(());
        }
        let known = self
            .source
            .holds(&record.source, &ids)
            .await
            .map_err(|cause| cause.during(self.source.name(), &doing))?;
        match ids.iter().find(|id| !known.contains(id)) {
            None => Ok(()),
            Some(foreign) => Err(Error::refused(
                "foreign_documents",
                format!("target index `{}` holds documents that `{}` does not have, such as `{foreign}`", record.target, record.source),
            )
            .hint("choose another target index, empty this one, or say `write.mode = \"create\"` to never overwrite what is there")),
        }
    }

    /// Puts the settings of every target back as they were.
    ///
    /// # Errors
    /// `Temporary` or `Refused` as the target answers; the originals stay in the store until it takes them.
    pub(super) async fn restore(&self) -> Result<()> {
        for mut record in self.store.indices(&self.name)? {
            let Some(originals) = record.originals.clone().filter(|_| !record.restored) else { continue };
            let settings = json!({
                "refresh_interval": originals.refresh_interval,
                "number_of_replicas": originals.number_of_replicas,
                "auto_expand_replicas": originals.auto_expand_replicas,
            });
            self.target.put_settings(&record.target, &settings).await.map_err(|cause| {
                cause.during(self.target.name(), &format!("restoring the settings of `{}`", record.target))
            })?;
            record.restored = true;
            self.store.save_index(&self.name, &record)?;
            self.progress.take_index(&record);
        }
        Ok(())
    }
}

fn still_the_same(record: &IndexRecord, target: &IndexInfo) -> Result<()> {
    if record.target_uuid.as_ref().is_none_or(|stored| *stored == target.uuid) {
        return Ok(());
    }
    Err(Error::refused(
        "target_gone",
        format!("target index `{}` was deleted and made anew since it was prepared", record.target),
    )
    .hint("what was copied into it is lost: `esferry reset` the migration and start again"))
}

fn gone(cluster: &Cluster, index: &str) -> Error {
    Error::refused("index_gone", format!("cluster `{}`: index `{index}` is gone", cluster.name()))
        .hint("`esferry reset` the migration and plan it again")
}

fn refused_body(schema: &Schema, target: &Cluster, record: &IndexRecord, cause: CallError) -> Error {
    let from = match schema {
        Schema::File(path) => path.display().to_string(),
        Schema::Same | Schema::Existing => format!("the mapping of `{}`", record.source),
    };
    let mut error = cause.during(target.name(), &format!("creating `{}` from {from}", record.target));
    if error.kind() == Kind::Refused {
        error = error.hint("correct the create-index body, and give it with `schema = \"file:PATH\"`");
    }
    error
}
