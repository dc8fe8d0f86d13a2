//! The plainest switch: a few documents, nothing that follows, proxies in front of both clusters.

use std::time::Duration;

use anyhow::{Result, ensure};
use esferry_lab::{Endpoint, Proxy};
use serde_json::json;

use super::{led_to, write};
use crate::daemon::Daemon;
use crate::scene::{NAME, old_and_new, phase};
use crate::verification::{bulk, id_of};

/// A migration between two proxies that is ready. `cutover` are lines of its table.
pub struct Plain {
    pub daemon: Daemon,
    pub old: Endpoint,
    pub new: Endpoint,
    pub source: Proxy,
    pub target: Proxy,
    pub name: String,
}

impl Plain {
    pub async fn new(name: &str, cutover: &str) -> Result<Plain> {
        let (old, new) = old_and_new().await?;
        new.delete_index(name).await?;
        old.recreate_index(name, &json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}}))
            .await?;
        let mut body = String::new();
        for number in 0..300 {
            body.push_str(&format!(
                "{}\n{}\n",
                json!({"index": {"_id": id_of(number)}}),
                json!({"n": number})
            ));
        }
        bulk(&old, &format!("/{name}/doc/_bulk?refresh=true"), body).await?;
        let (source, target) = (Proxy::start(old.url())?, Proxy::start(new.url())?);
        let daemon = Daemon::with_config(&format!(
            "[clusters.old]\nurls = [\"{}\"]\nauth = {{ username = \"esferry\", password = {{ file = \"secret\" }} }}\n\
             [clusters.new]\nurls = [\"{}\"]\n[migrations.{NAME}]\n\
             from = {{ cluster = \"old\", indices = [\"{name}\"] }}\nto = {{ cluster = \"new\" }}\n\
             [migrations.{NAME}.cutover]\nalias = \"{name}-front\"\n{cutover}\n",
            source.url(),
            target.url()
        ))?;
        let secret = daemon.folder().join("secret");
        write(&secret, "hunter2-of-the-cluster\n")?;
        let text = std::fs::read_to_string(daemon.config())?;
        write(daemon.config(), &text.replace("\"secret\"", &format!("{:?}", secret.display().to_string())))?;
        let (code, log) = daemon.run_once()?;
        ensure!(code == 0, "exit code {code}\n{log}");
        Ok(Plain { daemon, old, new, source, target, name: name.to_owned() })
    }

    /// Waits until a daemon answers, and not the store that the last one left.
    pub fn until_it_listens(&self) -> Result<()> {
        for _ in 0..1000 {
            if self.daemon.status().is_ok_and(|status| status["daemon"].is_object()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        anyhow::bail!("no daemon answers:\n{}", self.daemon.log())
    }

    pub async fn blocked(&self) -> Result<bool> {
        let settings = self.old.get(&format!("/{}/_settings", self.name)).await?;
        Ok(settings.pointer(&format!("/{}/settings/index/blocks/write", self.name)) == Some(&json!("true")))
    }

    pub async fn is_as_it_was(&self) -> Result<()> {
        let there = led_to(&self.new, &format!("{}-front", self.name)).await?;
        ensure!(there.is_empty(), "the alias leads to {there:?}");
        ensure!(!self.blocked().await?, "the source is blocked");
        let status = self.daemon.migration()?;
        ensure!(phase(&status) == "ready", "{}", status["phase"]);
        Ok(())
    }

    pub async fn clear(self) -> Result<()> {
        self.new.delete_index(&self.name).await?;
        self.old.delete_index(&self.name).await
    }
}
