//! A target that is there already: an earlier run's, or somebody else's?

use crate::cluster::Cluster;
use crate::config::{MigrationConfig, TransformConfig, WriteMode};
use crate::error::{Error, Result};

/// Documents of a target that are looked up on the source, to tell an earlier run's from somebody else's.
const PROBE: u32 = 100;

/// An existing target index, and where its documents should have come from.
pub(super) struct Suspect<'a> {
    pub(super) source: &'a Cluster,
    pub(super) target: &'a Cluster,
    /// The source index.
    pub(super) from: &'a str,
    /// The target index.
    pub(super) to: &'a str,
    /// Types that go there.
    pub(super) types: &'a [String],
    /// Ids have their type in front, or may have: `plan` may not know yet.
    pub(super) prefixed: bool,
}

impl Suspect<'_> {
    /// Refuses a target that holds documents which the source does not know.
    ///
    /// Where jq may give documents other ids, one that is known is enough.
    ///
    /// # Errors
    /// `Refused`, naming such a document; `Temporary` when a side does not answer.
    pub(super) async fn refuse_foreign(&self, config: &MigrationConfig) -> Result<()> {
        if config.write.mode == WriteMode::Create {
            return Ok(());
        }
        let Suspect { source, target, from, to, .. } = *self;
        let doing = format!("looking at what `{to}` holds");
        target.refresh(to).await.map_err(|cause| cause.during(target.name(), &doing))?;
        let ids = target.some_ids(to, PROBE).await.map_err(|cause| cause.during(target.name(), &doing))?;
        if ids.is_empty() {
            return Ok(());
        }
        let bare: Vec<String> = ids.iter().map(|id| self.source_id(id).to_owned()).collect();
        let known = source.holds(from, &bare).await;
        let known = known.map_err(|cause| cause.during(source.name(), &doing))?;
        let is_known = |id: &&String| known.iter().any(|known| known == self.source_id(id));
        let jq = config.transform.iter().any(|step| matches!(step, TransformConfig::Jq(_)));
        if jq && ids.iter().any(|id| is_known(&id)) {
            return Ok(());
        }
        match ids.iter().find(|id| !is_known(id)) {
            None => Ok(()),
            Some(foreign) => Err(Error::refused(
                "foreign_documents",
                format!("target index `{to}` holds documents that `{from}` does not have, such as `{foreign}`"),
            )
            .hint("choose another target index, empty this one, or say `write.mode = \"create\"` to never overwrite what is there")),
        }
    }

    /// The id that a document of the target has on the source, where types were put in front of ids.
    fn source_id<'a>(&self, id: &'a str) -> &'a str {
        let bare = |name: &String| id.strip_prefix(name.as_str())?.strip_prefix('-');
        if self.prefixed { self.types.iter().find_map(bare).unwrap_or(id) } else { id }
    }
}
