//! Target indices before and after the load: created, checked, tuned, and put back as they were.

use serde_json::json;

use super::conflicts::strips_source;
use super::context::Context;
use super::foreign::Suspect;
use crate::cluster::Cluster;
use crate::cluster::failure::CallError;
use crate::cluster::indices::IndexInfo;
use crate::config::Schema;
use crate::error::{Error, Kind, Result};
use crate::failpoint::Failpoint;
use crate::schema::{self, Destination};
use crate::store::records::{IndexRecord, Originals, OtherTarget};

impl Context {
    /// Makes sure that every target index stands, is the right one, and is tuned for the load.
    ///
    /// # Errors
    /// `Refused` and `Config` for targets that cannot or must not be written.
    pub(super) async fn prepare(&self) -> Result<()> {
        let records = self.indices().await?;
        self.refuse_claimed_targets()?;
        let (sources, targets) = (self.source.described().await?, self.target.described().await?);
        for record in records {
            let source = sources.iter().find(|index| index.name == record.source);
            let source = planned_types(source.ok_or_else(|| gone(&self.source, &record.source))?, &record);
            let target = targets.iter().find(|index| index.name == record.target).cloned();
            self.prepare_index(record, &source, target).await?;
        }
        self.prepare_others().await?;
        self.prepare_templates().await
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
            Failpoint::TargetCreated.pass();
            target = self.target.described().await?.into_iter().find(|index| index.name == record.target);
        }
        let target = target.ok_or_else(|| gone(&self.target, &record.target))?;
        if let Some((_, mapping)) = target.types.iter().find(|(_, mapping)| strips_source(mapping)) {
            let message = format!(
                "target index `{}` does not keep its documents whole: `_source` is {}",
                record.target, mapping["_source"]
            );
            return Err(Error::refused("target_strips", message).hint(
                "an index template of the target may have mixed that in: mend it, and delete the index",
            ));
        }
        if !target.open {
            return Err(Error::refused(
                "index_closed",
                format!("cluster `{}`: target index `{}` is closed", self.target.name(), record.target),
            )
            .hint(format!("open it: POST /{}/_open", record.target)));
        }
        if record.originals.is_none() {
            if !created {
                let suspect = Suspect {
                    source: &self.source,
                    target: &self.target,
                    from: &record.source,
                    to: &record.target,
                    types: &record.types,
                    prefixed: record.shape.is_prefixed(),
                };
                suspect.refuse_foreign(&self.config).await?;
            }
            if let Some((doc_type, _)) = target.types.first() {
                record.target_type = Some(doc_type.clone());
            }
            record.target_uuid = Some(target.uuid.clone());
            record.originals = Some(originals(&target, created));
            // Stored before they are changed: whatever happens next, they can be put back.
            self.store.save_index(&self.name, &record)?;
            Failpoint::OriginalsStored.pass();
        }
        self.tune(&record.target).await?;
        Failpoint::TargetTuned.pass();
        record.prepared = true;
        record.restored = false;
        self.store.save_index(&self.name, &record)?;
        Failpoint::TargetPrepared.pass();
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
        let record = self.store.migration(&self.name)?;
        for other in record.map(|record| record.others).unwrap_or_default() {
            let target = targets.iter().find(|index| index.name == other.name);
            if target.ok_or_else(|| gone(&self.target, &other.name))?.uuid != other.uuid {
                return Err(made_anew(&other.name));
            }
        }
        Ok(())
    }

    /// Settings for the load: nothing is searched meanwhile, and each document is indexed once.
    async fn tune(&self, index: &str) -> Result<()> {
        let tuned =
            json!({"refresh_interval": "-1", "number_of_replicas": "0", "auto_expand_replicas": false});
        let outcome = self.target.put_settings(index, &tuned).await;
        outcome.map_err(|cause| cause.during(self.target.name(), &format!("tuning `{index}` for the load")))
    }

    /// The same for the targets that only a transform names. They get the schema of the first planned index.
    async fn prepare_others(&self) -> Result<()> {
        let record = self.store.migration(&self.name)?;
        let mut others = record.map(|record| record.others).unwrap_or_default();
        for name in &self.config.to.others {
            let known = others.iter().position(|other| other.name == *name);
            let mut target = self.target.described().await?.into_iter().find(|index| index.name == *name);
            match (&target, known) {
                (None, Some(_)) => return Err(gone(&self.target, name)),
                (Some(target), Some(at)) if target.uuid != others[at].uuid => return Err(made_anew(name)),
                (Some(_), Some(_)) => {}
                (now, None) => {
                    let created = now.is_none();
                    if created {
                        self.create_other(name).await?;
                        Failpoint::TargetCreated.pass();
                        target = self.target.described().await?.into_iter().find(|index| index.name == *name);
                    }
                    let target = target.ok_or_else(|| gone(&self.target, name))?;
                    let before = if created { 0 } else { self.count_target(name).await? };
                    others.push(OtherTarget {
                        name: name.clone(),
                        uuid: target.uuid.clone(),
                        originals: originals(&target, created),
                        restored: false,
                        before,
                        counted: None,
                    });
                }
            }
            if let Some(other) = others.iter_mut().find(|other| other.name == *name) {
                other.restored = false;
            }
            // As for the planned ones: the originals are durable before they are changed.
            let record = self.store.update_migration(&self.name, |record| record.others = others.clone())?;
            self.progress.take_others(&record);
            Failpoint::OriginalsStored.pass();
            self.tune(name).await?;
            Failpoint::TargetTuned.pass();
        }
        Ok(())
    }

    async fn create_other(&self, name: &str) -> Result<()> {
        let records = self.store.indices(&self.name)?;
        let Some(first) = records.first() else { return Ok(()) };
        let sources = self.source.described().await?;
        let source = sources.iter().find(|index| index.name == first.source);
        let source = planned_types(source.ok_or_else(|| gone(&self.source, &first.source))?, first);
        let record = IndexRecord { target: name.to_owned(), ..first.clone() };
        self.create(&source, &record).await
    }

    async fn create(&self, source: &IndexInfo, record: &IndexRecord) -> Result<()> {
        let destination = Destination::planned(source.clone(), record.target.clone(), record.shape.clone());
        let schema = schema::target_schema(
            &self.config,
            &self.source,
            &self.target,
            &destination,
            &record.shape,
            None,
        )
        .await?;
        schema.refuse_losses(&record.source, &self.config.accept_lost)?;
        let Some(body) = schema.body else {
            return Err(Error::config("no_target", format!("target index `{}` is not there", record.target))
                .hint("create it, or give its body with `schema = \"file:PATH\"`"));
        };
        tracing::info!(index = record.target, "creating the target index");
        self.target
            .create_index(&record.target, &body)
            .await
            .map_err(|cause| refused_body(&self.config.schema, &self.target, record, cause))
    }

    /// Puts the settings of every target back as they were.
    ///
    /// # Errors
    /// `Temporary` or `Refused` as the target answers; the originals stay in the store until it takes them.
    pub(super) async fn restore(&self) -> Result<()> {
        for mut record in self.store.indices(&self.name)? {
            let Some(originals) = record.originals.clone().filter(|_| !record.restored) else { continue };
            self.put_back(&record.target, &originals).await?;
            Failpoint::SettingsRestored.pass();
            record.restored = true;
            self.store.save_index(&self.name, &record)?;
            Failpoint::RestoreStored.pass();
            self.progress.take_index(&record);
        }
        let record = self.store.migration(&self.name)?;
        for other in record.map(|record| record.others).unwrap_or_default() {
            if other.restored {
                continue;
            }
            self.put_back(&other.name, &other.originals).await?;
            Failpoint::SettingsRestored.pass();
            self.store.update_migration(&self.name, |record| {
                record.others.iter_mut().filter(|stored| stored.name == other.name).for_each(|stored| {
                    stored.restored = true;
                });
            })?;
        }
        Ok(())
    }

    async fn put_back(&self, index: &str, originals: &Originals) -> Result<()> {
        let settings = json!({
            "refresh_interval": originals.refresh_interval,
            "number_of_replicas": originals.number_of_replicas,
            "auto_expand_replicas": originals.auto_expand_replicas,
        });
        let outcome = self.target.put_settings(index, &settings).await;
        outcome.map_err(|cause| {
            cause.during(self.target.name(), &format!("restoring the settings of `{index}`"))
        })
    }
}

fn originals(target: &IndexInfo, created: bool) -> Originals {
    Originals {
        refresh_interval: target.setting("refresh_interval"),
        number_of_replicas: target.setting("number_of_replicas"),
        auto_expand_replicas: target.setting("auto_expand_replicas"),
        created,
    }
}

/// A source index with the types that go to a target, and no others.
fn planned_types(info: &IndexInfo, record: &IndexRecord) -> IndexInfo {
    let types = info.types.iter().filter(|(name, _)| record.types.contains(name)).cloned().collect();
    IndexInfo { types, ..info.clone() }
}

fn still_the_same(record: &IndexRecord, target: &IndexInfo) -> Result<()> {
    if record.target_uuid.as_ref().is_none_or(|stored| *stored == target.uuid) {
        return Ok(());
    }
    Err(made_anew(&record.target))
}

fn made_anew(index: &str) -> Error {
    Error::refused(
        "target_gone",
        format!("target index `{index}` was deleted and made anew since it was prepared"),
    )
    .hint("what was copied into it is lost: `esferry reset` the migration and start again")
}

fn gone(cluster: &Cluster, index: &str) -> Error {
    Error::refused("index_gone", format!("cluster `{}`: index `{index}` is gone", cluster.name()))
        .hint("`esferry reset` the migration and plan it again")
}

fn refused_body(schema: &Schema, target: &Cluster, record: &IndexRecord, cause: CallError) -> Error {
    let from = match schema {
        Schema::File(path) => path.display().to_string(),
        Schema::Convert | Schema::Existing => format!("the mapping of `{}`", record.source),
    };
    let mut error = cause.during(target.name(), &format!("creating `{}` from {from}", record.target));
    if error.kind() == Kind::Refused {
        error = error.hint("correct the create-index body, and give it with `schema = \"file:PATH\"`");
    }
    error
}
