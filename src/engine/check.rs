//! What `check` tells before anything is planned: reach, versions, rights, settings that will hurt.

use serde::Serialize;
use serde_json::Value;

use super::candidate::{distinct_targets, judge_all, names_of};
use super::conflicts::{Claim, TemplatesOfTarget, claims, refuse_claimed, refuse_taken_names};
use super::dry_run::no_target;
use super::planning::describe;
use super::templates::judge_templates;
use super::topic::look_at_topic;
use crate::cluster::Cluster;
use crate::cluster::condition::Disk;
use crate::config::{Config, MigrationConfig};
use crate::error::Error;

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Will work, and may hurt.
    Warn,
    /// Will not work.
    Fail,
}

/// One finding.
#[derive(Debug, Clone, Serialize)]
pub struct CheckLine {
    /// How it is meant.
    pub level: Level,
    /// What it is about, such as `clusters.old` or `migrations.alerts`.
    pub subject: String,
    /// What was found.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
}

impl CheckLine {
    fn ok(subject: &str, message: impl Into<String>) -> Self {
        CheckLine { level: Level::Ok, subject: subject.to_owned(), message: message.into(), hint: None }
    }

    fn warn(subject: &str, message: impl Into<String>, hint: &str) -> Self {
        CheckLine {
            level: Level::Warn,
            subject: subject.to_owned(),
            message: message.into(),
            hint: Some(hint.to_owned()),
        }
    }

    fn fail(subject: &str, error: &Error) -> Self {
        CheckLine {
            level: Level::Fail,
            subject: subject.to_owned(),
            message: error.one_line(),
            hint: error.remedy().map(ToOwned::to_owned),
        }
    }
}

/// Checks every cluster and every migration of a configuration.
pub async fn check(config: &Config) -> Vec<CheckLine> {
    let mut lines = Vec::new();
    let mut clusters = Vec::new();
    for (name, settings) in &config.clusters {
        let subject = format!("clusters.{name}");
        match Cluster::connect(name, settings).await {
            Ok(cluster) => {
                lines.push(CheckLine::ok(&subject, describe(&cluster)));
                check_cluster(&cluster, &subject, &mut lines).await;
                clusters.push(cluster);
            }
            Err(error) => lines.push(CheckLine::fail(&subject, &error)),
        }
    }
    let find = |name: &str| clusters.iter().find(|cluster| cluster.name() == name);
    for (name, migration) in &config.migrations {
        let subject = format!("migrations.{name}");
        match (find(&migration.from.cluster), find(&migration.to.cluster)) {
            (Some(source), Some(target)) => {
                let claims = claims(config, name).await;
                check_migration(source, target, migration, &claims, &subject, &mut lines).await
            }
            _ => lines.push(CheckLine::warn(&subject, "not checked", "its clusters could not be reached")),
        }
        if let Some(kafka) = &migration.changes.kafka {
            let subject = format!("{subject}.changes.kafka");
            match look_at_topic(kafka).await {
                Ok(topic) => lines.push(CheckLine::ok(&subject, topic.words())),
                Err(error) => lines.push(CheckLine::fail(&subject, &error)),
            }
        }
    }
    lines
}

async fn check_cluster(cluster: &Cluster, subject: &str, lines: &mut Vec<CheckLine>) {
    match cluster.demand(&cluster.dialect().health(None), "asking its health").await {
        Ok(health) => match health.get("status").and_then(Value::as_str) {
            Some("red") => lines.push(CheckLine {
                level: Level::Fail,
                subject: subject.to_owned(),
                message: "health is red: shards are missing".to_owned(),
                hint: Some(
                    "a copy of an index with a missing shard waits for it: see `GET /_cat/shards`".to_owned(),
                ),
            }),
            Some(colour) => lines.push(CheckLine::ok(subject, format!("health is {colour}"))),
            None => lines.push(CheckLine::warn(
                subject,
                "health is not known",
                "the user may lack cluster:monitor",
            )),
        },
        Err(error) => lines.push(CheckLine::fail(subject, &error)),
    }
    match cluster.disks().await {
        Ok(disks) => disks.iter().for_each(|disk| lines.push(room_of(disk, subject))),
        Err(cause) => lines.push(CheckLine::warn(
            subject,
            format!("disk room is not known: {cause}"),
            "the user may lack cluster:monitor",
        )),
    }
}

fn room_of(disk: &Disk, subject: &str) -> CheckLine {
    let (node, room, percent) = (&disk.node, bytesize::ByteSize(disk.free), disk.percent());
    if percent >= 85 {
        let hint = "from 85 % on no shard is placed there, from 95 % on writes are blocked";
        CheckLine::warn(subject, format!("node {node}: disk is {percent} % full, {room} free"), hint)
    } else {
        CheckLine::ok(subject, format!("node {node}: {room} free"))
    }
}

async fn check_migration(
    source: &Cluster,
    target: &Cluster,
    migration: &MigrationConfig,
    claims: &[Claim],
    subject: &str,
    lines: &mut Vec<CheckLine>,
) {
    let (infos, existing) = match (source.described().await, target.described().await) {
        (Ok(infos), Ok(existing)) => (infos, existing),
        (Err(error), _) | (_, Err(error)) => return lines.push(CheckLine::fail(subject, &error)),
    };
    let judged = match judge_all(source, target, migration, &infos) {
        Ok(judged) => judged,
        Err(error) => return lines.push(CheckLine::fail(subject, &error)),
    };
    let mut candidates = Vec::new();
    for judged in judged {
        match judged {
            Ok(judged) => candidates.extend(judged),
            Err(error) => lines.push(CheckLine::fail(subject, &error)),
        }
    }
    if let Err(error) = distinct_targets(&candidates, &migration.to.others) {
        lines.push(CheckLine::fail(subject, &error));
    }
    if let Err(error) = judge_templates(migration, source, target, &names_of(&candidates)).await {
        lines.push(CheckLine::fail(subject, &error));
    }
    let templates = TemplatesOfTarget::new(target);
    for candidate in &candidates {
        let (info, to) = (candidate.source(), &candidate.destination.index);
        let exists = existing.iter().any(|index| index.name == *to);
        let schema = candidate.schema(migration, source, target, &existing).await;
        let schema = schema
            .and_then(|schema| schema.refuse_losses(&info.name, &migration.accept_lost).map(|()| schema));
        let free = match (&schema, exists) {
            (Ok(_), true) => candidate.refuse_foreign(migration, source, target).await.map(|()| Vec::new()),
            (Ok(schema), false) => match refuse_taken_names(to, schema.body.as_ref(), &existing) {
                Ok(()) => templates.meddling_with(to).await,
                Err(error) => Err(error),
            },
            (Err(_), _) => Ok(Vec::new()),
        };
        for remark in free.iter().flatten() {
            lines.push(CheckLine::warn(
                subject,
                remark.clone(),
                "look at what it would change: GET /_template",
            ));
        }
        match schema.and_then(|schema| free.and(refuse_claimed(candidate, claims)).map(|()| schema)) {
            Err(error) => lines.push(CheckLine::fail(subject, &error)),
            Ok(schema) if schema.body.is_none() && !exists => {
                lines.push(CheckLine::fail(subject, &no_target(to)));
            }
            Ok(_) => lines.push(CheckLine::ok(subject, format!("`{}` -> `{to}`", info.name))),
        }
        if info.setting("refresh_interval").as_deref() == Some("-1") {
            let message = format!(
                "`{}` never refreshes: what was written since its last refresh shows only because esferry refreshes it",
                info.name
            );
            lines.push(CheckLine::warn(
                subject,
                message,
                "nothing to do, unless searches are meant to stay behind",
            ));
        }
    }
    for index in existing.iter().filter(|index| index.name == migration.to.index) {
        if let Some(pipeline) = index.setting("default_pipeline").filter(|name| name != "_none") {
            lines.push(CheckLine::warn(subject, format!("`{}` has the default pipeline `{pipeline}`", index.name), "esferry writes past it, so that it cannot drop documents; name it in `write.pipeline` to use it"));
        }
    }
}
