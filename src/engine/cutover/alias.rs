//! The alias of the target: what becomes of it, checked before the first step; moved, read back, and put back.

use serde_json::{Map, Value, json};

use crate::engine::context::Context;
use crate::error::{Error, Result};
use crate::store::cutover::{AliasMove, AliasPlace, DeletedIndex};

/// What an alias may say of an index without narrowing what is seen through it.
const HARMLESS: [&str; 2] = ["is_write_index", "is_hidden"];

impl Context {
    /// What the switch does to the alias, looked at before anything is done. `None` where there is no alias to move.
    ///
    /// # Errors
    /// `Refused` for a name that is an index, leads elsewhere or narrows what is seen, and where the credentials may not
    /// change aliases; `Config` where nothing would be switched at all.
    pub(super) async fn plan_alias(&self, rehearsal: bool) -> Result<Option<AliasMove>> {
        let cutover = &self.config.cutover;
        if !cutover.moves_something() && !rehearsal {
            return Err(Error::config(
                "nothing_to_switch",
                format!("migrations.{}.cutover has neither an alias nor a hook", self.name),
            )
            .hint("give the `alias` that users search, or the hook `after` that moves the front end"));
        }
        let records = self.store.indices(&self.name)?;
        self.targets_stand(&records).await?;
        let mut adds: Vec<String> = records.iter().map(|record| record.target.clone()).collect();
        adds.sort();
        adds.dedup();
        let alias = match (rehearsal, &cutover.alias) {
            (true, _) => rehearsal_alias(&self.name),
            (false, Some(alias)) => alias.clone(),
            (false, None) => return Ok(None),
        };
        self.may_change_aliases(&adds).await?;
        let existing = self.target.described().await?;
        let mut moving = AliasMove { alias, adds, removes: Vec::new(), deletes: None, before: Vec::new() };
        let replaces: &[String] = if rehearsal { &[] } else { &cutover.replaces };
        if existing.iter().any(|index| index.name == moving.alias) {
            moving.deletes = Some(self.deleted_index(&moving, replaces).await?);
        }
        for (index, definition) in self.led_to_by(&moving.alias).await? {
            let own = moving.adds.contains(&index);
            if !own && !replaces.contains(&index) {
                let message = format!("alias `{}` of the target leads to `{index}`", moving.alias);
                return Err(Error::refused("alias_elsewhere", message).hint(format!(
                    "take it away there, or name `{index}` in `cutover.replaces`: the switch takes the alias from it then"
                )));
            }
            if own && let Some(narrows) = narrowing(&definition) {
                let message = format!(
                    "alias `{}` of `{index}` has a {narrows}: searches through it see a part",
                    moving.alias
                );
                return Err(Error::refused("alias_narrow", message)
                    .hint("choose another `cutover.alias`, or put the alias there without it"));
            }
            if !own {
                moving.removes.push(index.clone());
            }
            moving.before.push(AliasPlace { index, definition });
        }
        Ok(Some(moving))
    }

    /// The index in whose place the alias comes, which was named to go.
    async fn deleted_index(&self, moving: &AliasMove, replaces: &[String]) -> Result<DeletedIndex> {
        let name = &moving.alias;
        let message = format!("the target has an index `{name}`: no alias can have its name");
        if moving.adds.contains(name) {
            return Err(Error::refused("alias_is_index", message).hint(
                "it is a target of this migration: choose another `cutover.alias`, or another `to.index`",
            ));
        }
        let is_source = self.store.indices(&self.name)?.iter().any(|record| record.source == *name);
        if is_source && self.source.is_same_as(&self.target) {
            return Err(Error::refused("alias_is_source", message).hint(
                "it is the source of this migration, which is never deleted: choose another `cutover.alias`",
            ));
        }
        if !replaces.contains(name) {
            return Err(Error::refused("alias_is_index", message).hint(format!(
                "delete it, or name it in `cutover.replaces`: the switch DELETES `{name}` in the step in which the alias comes"
            )));
        }
        Ok(DeletedIndex { name: name.clone(), docs: self.count_target(name).await? })
    }

    async fn may_change_aliases(&self, indices: &[String]) -> Result<()> {
        for index in indices {
            let doing = format!("asking whether the aliases of `{index}` may be changed");
            let target = &self.target;
            let may = target.may_change_aliases(index).await;
            if !may.map_err(|cause| cause.during(target.name(), &doing))? {
                let message = format!(
                    "cluster `{}`: these credentials may not change the aliases of `{index}`",
                    target.name()
                );
                return Err(Error::refused("no_alias_rights", message)
                    .hint("the user needs `manage` (or `indices:admin/aliases`) on the target's indices and on the alias"));
            }
        }
        Ok(())
    }

    async fn led_to_by(&self, alias: &str) -> Result<Vec<(String, Value)>> {
        let doing = format!("looking where `{alias}` leads");
        self.target.led_to_by(alias).await.map_err(|cause| cause.during(self.target.name(), &doing))
    }

    /// Moves the alias in one step, and reads it back. Done before, it is found done.
    ///
    /// # Errors
    /// `Temporary` when the target does not answer, or says that it is done and it is not; `Refused` when it refuses.
    pub(super) async fn move_alias(&self, moving: &AliasMove) -> Result<()> {
        if self.leads_to(&moving.alias, &moving.adds).await? {
            return Ok(());
        }
        let alias = &moving.alias;
        let mut actions = Vec::new();
        if let Some(deleted) = &moving.deletes {
            actions.push(json!({"remove_index": {"index": deleted.name}}));
        }
        for index in &moving.removes {
            actions.push(json!({"remove": {"index": index, "alias": alias}}));
        }
        for index in &moving.adds {
            actions.push(json!({"add": {"index": index, "alias": alias}}));
        }
        self.change_aliases(alias, &actions).await?;
        match self.leads_to(alias, &moving.adds).await? {
            true => Ok(()),
            false => Err(not_there(alias)),
        }
    }

    /// Puts the alias back where it was, and reads it back. Indices that went stay away; what somebody else did to the
    /// alias since is left alone.
    ///
    /// # Errors
    /// As [`move_alias`](Self::move_alias).
    pub(super) async fn put_alias_back(&self, moving: &AliasMove) -> Result<()> {
        let existing = self.target.described().await?;
        let stands = |index: &str| existing.iter().any(|info| info.name == index);
        let actions = undoing(moving, &self.led_to_by(&moving.alias).await?, stands);
        if actions.is_empty() {
            return Ok(());
        }
        self.change_aliases(&moving.alias, &actions).await?;
        match undoing(moving, &self.led_to_by(&moving.alias).await?, stands).is_empty() {
            true => Ok(()),
            false => Err(not_there(&moving.alias)),
        }
    }

    async fn change_aliases(&self, alias: &str, actions: &[Value]) -> Result<()> {
        let doing = format!("moving the alias `{alias}`");
        self.target.change_aliases(actions).await.map_err(|cause| cause.during(self.target.name(), &doing))
    }

    async fn leads_to(&self, alias: &str, indices: &[String]) -> Result<bool> {
        let now = self.led_to_by(alias).await?;
        Ok(now.len() == indices.len()
            && indices.iter().all(|index| now.iter().any(|(there, _)| there == index)))
    }
}

/// The alias of a rehearsal, which nobody uses.
pub(super) fn rehearsal_alias(name: &str) -> String {
    format!("esferry-rehearsal-{name}")
}

/// What makes the alias what it was.
fn undoing(moving: &AliasMove, now: &[(String, Value)], stands: impl Fn(&str) -> bool) -> Vec<Value> {
    let alias = &moving.alias;
    let was = |index: &String| moving.before.iter().any(|place| place.index == *index);
    let added = now.iter().map(|(index, _)| index).filter(|index| moving.adds.contains(index) && !was(index));
    let mut actions: Vec<Value> =
        added.map(|index| json!({"remove": {"index": index, "alias": alias}})).collect();
    for place in moving.before.iter().filter(|place| stands(&place.index)) {
        if now.iter().any(|(index, definition)| *index == place.index && *definition == place.definition) {
            continue;
        }
        let mut add: Map<String, Value> = place.definition.as_object().cloned().unwrap_or_default();
        add.insert("index".to_owned(), json!(place.index));
        add.insert("alias".to_owned(), json!(alias));
        actions.push(json!({"add": add}));
    }
    actions
}

fn narrowing(definition: &Value) -> Option<&'static str> {
    let keys = definition.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let narrows = keys.filter(|key| !HARMLESS.contains(key)).min()?;
    Some(if narrows == "filter" { "filter" } else { "routing" })
}

fn not_there(alias: &str) -> Error {
    Error::temporary(
        "alias_not_there",
        format!("the target acknowledged a change of `{alias}` and does not show it"),
    )
    .hint("somebody else may be changing it: `GET /_alias` on the target shows where it leads")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_restores_what_was_and_touches_nothing_else() {
        let place = |index: &str, definition: Value| AliasPlace { index: index.to_owned(), definition };
        let moving = AliasMove {
            alias: "front".to_owned(),
            adds: vec!["new".to_owned()],
            removes: vec!["old".to_owned(), "gone".to_owned()],
            deletes: None,
            before: vec![place("old", json!({"filter": {"term": {"a": 1}}})), place("gone", json!({}))],
        };
        let now = vec![("new".to_owned(), json!({})), ("of-others".to_owned(), json!({}))];
        let actions = undoing(&moving, &now, |index| index != "gone");
        let add = json!({"add": {"filter": {"term": {"a": 1}}, "index": "old", "alias": "front"}});
        assert_eq!(actions, [json!({"remove": {"index": "new", "alias": "front"}}), add]);
        let then = vec![
            ("old".to_owned(), json!({"filter": {"term": {"a": 1}}})),
            ("of-others".to_owned(), json!({})),
        ];
        assert!(undoing(&moving, &then, |index| index != "gone").is_empty());
    }

    #[test]
    fn only_what_narrows_is_refused() {
        assert_eq!(narrowing(&json!({})), None);
        assert_eq!(narrowing(&json!({"is_write_index": true})), None);
        assert_eq!(narrowing(&json!({"filter": {"term": {"a": 1}}, "index_routing": "1"})), Some("filter"));
        assert_eq!(narrowing(&json!({"search_routing": "1"})), Some("routing"));
    }
}
