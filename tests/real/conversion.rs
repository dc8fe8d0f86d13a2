//! Every rule of the conversion on real servers: its example is created on the old one, read back as the daemon reads
//! it, converted, created on the new one, and its document is taken there. Without the rule the new server says what
//! the rule claims that it says.

mod analysis;
mod known;
mod meaning;
mod whole;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use esferry::cluster::Cluster;
use esferry::cluster::dialect::Version;
use esferry::config::ClusterConfig;
use esferry::schema::report::Report;
use esferry::schema::{Otherwise, Part, Proof, Rule, Rules, SourceSchema, all_rules, convert_warmers};
use esferry_lab::{Endpoint, Servers};
use reqwest::Method;
use serde_json::{Value, json};

const OLD: [&str; 3] = ["1.7.6", "2.4.6", "5.6.16"];
const NEW: &str = "6.8.23";
/// The index that templates of examples are for.
const TEMPLATED: &str = "esferry-rule-x1";
/// What takes away whatever is not known would hide that a rule is missing.
const LAST: [&str; 5] =
    ["unknown_root", "unknown_parameter", "unknown_type", "unknown_setting", "template_unknown"];

struct Server {
    endpoint: Endpoint,
    cluster: Cluster,
    version: Version,
}

impl Server {
    async fn of(servers: &Servers, version: &str) -> Result<Self> {
        let url = servers.url(version)?;
        let config = ClusterConfig { urls: vec![url.to_owned()], ..ClusterConfig::default() };
        let cluster = Cluster::connect(version, &config).await?;
        let version = version.parse().map_err(anyhow::Error::msg)?;
        Ok(Server { endpoint: Endpoint::new(url), cluster, version })
    }

    async fn put(&self, path: &str, body: &Value) -> Result<()> {
        let body = Bytes::from(body.to_string());
        self.endpoint.send(Method::PUT, path, "application/json", body).await?.ok().map(drop)
    }
}

fn is_template(body: &Value) -> bool {
    body.get("template").is_some()
}

fn index_of(rule: &Rule) -> String {
    format!("conversion-{}", rule.name)
}

/// Whether a rule is first about this one of the old servers.
fn is_first(server: &Server, rule: &Rule) -> bool {
    let versions = OLD.iter().filter_map(|version| version.parse::<Version>().ok());
    versions.into_iter().find(|version| rule.from.contains(*version)) == Some(server.version)
}

/// What an example became.
struct Converted {
    body: Value,
    report: Report,
}

fn convert(rules: &Rules, rule: &Rule, schema: &SourceSchema) -> Converted {
    let mut report = Report::default();
    let mut mappings = serde_json::Map::new();
    for (name, mapping) in &schema.types {
        mappings.insert("_doc".to_owned(), rules.mapping(name, mapping, &mut report));
    }
    let settings = rules.settings(&schema.settings, &mut report);
    if rule.part == Part::Warmers {
        convert_warmers(&schema.warmers, rules.from, rules.to, &mut report);
    }
    Converted { body: json!({"settings": settings, "mappings": mappings}), report }
}

async fn create(new: &Server, index: &str, body: &Value) -> Result<()> {
    new.endpoint.delete_index(index).await?;
    new.put(&format!("/{index}?include_type_name=true"), body).await
}

async fn write(new: &Server, index: &str, documents: &str) -> Result<()> {
    for (id, document) in documents.lines().enumerate() {
        new.put(&format!("/{index}/_doc/{id}"), &serde_json::from_str(document)?).await?;
    }
    Ok(())
}

/// `otherwise` is `None` for servers that are not the first of the rule's range: they may say it in other words, and
/// only have to be converted.
async fn example_of_index(
    old: &Server,
    new: &Server,
    rule: &Rule,
    document: &str,
    otherwise: Option<Otherwise>,
    schema: &SourceSchema,
) -> Result<()> {
    let index = index_of(rule);
    let from = schema.created.context("no version.created")?;
    ensure!(from == old.version, "created by {from}");
    let rules = Rules::between(from, new.version);
    let converted = convert(&rules, rule, schema);
    create(new, &index, &converted.body).await.with_context(|| converted.body.to_string())?;
    write(new, &index, document).await.with_context(|| converted.body.to_string())?;
    let Some(otherwise) = otherwise else { return new.endpoint.delete_index(&index).await };
    ensure!(
        converted.report.changes.iter().any(|change| change.rule == rule.name),
        "the report does not name it; the source says {:?} {}",
        schema.types,
        schema.settings
    );
    let without = LAST.iter().fold(rules.without(rule.name), |rules, name| rules.without(name));
    let Converted { body: unconverted, report } = convert(&without, rule, schema);
    let created = create(new, &index, &unconverted).await;
    let written = match &created {
        Ok(()) => write(new, &index, document).await,
        Err(_) => Ok(()),
    };
    new.endpoint.delete_index(&index).await?;
    match (otherwise, created, written) {
        (Otherwise::Refused, Err(_), _)
        | (Otherwise::DocumentRefused, Ok(()), Err(_))
        | (Otherwise::Taken, Ok(()), Ok(())) => Ok(()),
        (Otherwise::OtherRule(name), Ok(()), Ok(()))
            if report.changes.iter().any(|change| change.rule == name) =>
        {
            Ok(())
        }
        (_, created, written) => {
            let said = [created, written].map(|result| result.err().map(|error| format!("{error:#}")));
            bail!("without it, not {otherwise:?}: {said:?}: {unconverted}")
        }
    }
}

/// A template is only as good as the index that is made by it.
async fn create_by_template(new: &Server, name: &str, body: &Value, documents: &str) -> [Result<()>; 2] {
    let put = new.cluster.put_template(name, body).await.map_err(anyhow::Error::from);
    if put.is_err() {
        return [put, Ok(())];
    }
    let made = async {
        create(new, TEMPLATED, &json!({})).await?;
        write(new, TEMPLATED, documents).await
    };
    let made = made.await;
    [put, made.and(new.endpoint.delete_index(TEMPLATED).await)]
}

async fn example_of_template(
    old: &Server,
    new: &Server,
    rule: &Rule,
    body: &Value,
    documents: &str,
    otherwise: Otherwise,
) -> Result<()> {
    let name = index_of(rule);
    let path = format!("/_template/{name}");
    old.put(&path, body).await?;
    let reported = old.cluster.templates().await?.remove(&name).context("the template is not there")?;
    old.endpoint.delete(&path).await?;
    let rules = Rules::between(old.version, new.version);
    let (converted, report) = rules.template(&name, &reported);
    ensure!(report.changes.iter().any(|change| change.rule == rule.name), "the report does not name it");
    for result in create_by_template(new, &name, &converted, documents).await {
        result.with_context(|| converted.to_string())?;
    }
    let without = LAST.iter().fold(rules.without(rule.name), |rules, name| rules.without(name));
    let (unconverted, _) = without.template(&name, &reported);
    let said = create_by_template(new, &name, &unconverted, documents).await;
    new.endpoint.delete(&path).await.ok();
    let as_expected = match otherwise {
        Otherwise::Refused => said[0].is_err(),
        Otherwise::DocumentRefused => said[0].is_ok() && said[1].is_err(),
        Otherwise::Taken | Otherwise::OtherRule(_) => said.iter().all(Result::is_ok),
    };
    ensure!(as_expected, "without it, not {otherwise:?}: {said:?}: {unconverted}");
    Ok(())
}

/// Creates the examples of every rule that is about a server. Later servers of a rule's range may refuse its words,
/// the first may not.
async fn created(server: &Server, wrong: &mut Vec<String>) -> Result<Vec<&'static Rule>> {
    let mut there = Vec::new();
    for rule in all_rules().filter(|rule| rule.from.contains(server.version)) {
        let Proof::Example { body, .. } = rule.proof else { continue };
        let mut body: Value = serde_json::from_str(body)?;
        if is_template(&body) {
            continue;
        }
        if body.pointer("/settings/number_of_shards").is_none() {
            let settings = body.as_object_mut().context("no object")?.entry("settings").or_insert(json!({}));
            settings["number_of_shards"] = json!(1);
        }
        server.endpoint.delete_index(&index_of(rule)).await?;
        match server.put(&format!("/{}", index_of(rule)), &body).await {
            Ok(()) => there.push(rule),
            Err(error) if is_first(server, rule) => {
                wrong.push(format!("{}: the old server refuses it: {error:#}", rule.name))
            }
            Err(_) => {}
        }
    }
    Ok(there)
}

/// Reads the examples back as the daemon does, and deletes them.
async fn schemas(server: &Server, rules: &[&Rule]) -> Result<BTreeMap<String, SourceSchema>> {
    let mut schemas = BTreeMap::new();
    for info in server.cluster.indices().await? {
        if rules.iter().any(|rule| index_of(rule) == info.name) {
            schemas.insert(info.name.clone(), SourceSchema::read(&server.cluster, &info).await?);
            server.endpoint.delete_index(&info.name).await?;
        }
    }
    Ok(schemas)
}

#[tokio::test]
async fn every_rule_of_the_conversion_is_true_on_real_servers() {
    if !esferry_lab::wanted("the examples of every conversion rule, created on both sides") {
        return;
    }
    let servers = Servers::shared(&[OLD[0], OLD[1], OLD[2], NEW]).await.unwrap();
    let new = Server::of(&servers, NEW).await.unwrap();
    let (mut wrong, mut proven) = (Vec::new(), 0);
    for version in OLD {
        let old = Server::of(&servers, version).await.unwrap();
        let rules = created(&old, &mut wrong).await.unwrap();
        let schemas = schemas(&old, &rules).await.unwrap();
        for rule in all_rules().filter(|rule| rule.from.contains(old.version)) {
            let Proof::Example { body, document, otherwise } = rule.proof else { continue };
            let result = match schemas.get(&index_of(rule)) {
                Some(schema) => {
                    let otherwise = is_first(&old, rule).then_some(otherwise);
                    example_of_index(&old, &new, rule, document, otherwise, schema).await
                }
                None => {
                    let body = serde_json::from_str(body).unwrap();
                    if !is_template(&body) || !is_first(&old, rule) {
                        continue;
                    }
                    example_of_template(&old, &new, rule, &body, document, otherwise).await
                }
            };
            match result {
                Ok(()) => proven += 1,
                Err(error) => wrong.push(format!("{} from {version}: {error:#}", rule.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), wrong.len() + proven, wrong.join("\n"));
    eprintln!("{proven} examples are proven");
}
