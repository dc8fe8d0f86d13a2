//! How a server is laid out on disk and launched, by family.

use super::account::Account;
use super::cache::Cache;
use super::java::Java;
use super::node::NodeSpec;
use super::release::{Family, Release};
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server's folder, ready to be launched, again and again on the same data.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) release: &'static Release,
    pub(super) home: PathBuf,
    java: Java,
    account: Account,
    stand_in: Option<PathBuf>,
    heap: String,
    fast_start: bool,
}

impl Layout {
    /// Makes the folder of a server: its program linked from the cache, its own configuration, logs and data.
    pub(super) fn create(cache: &Cache, spec: &NodeSpec, home: PathBuf, port: u16) -> Result<Layout> {
        let release = Release::named(&spec.version)?;
        let program = release.unpack(cache)?;
        let java = Java::find(cache)?;
        let account = Account::resolve()?;
        let stand_in = match release.family {
            Family::One => Some(java.stand_in(cache)?),
            _ => None,
        };
        fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
        for entry in fs::read_dir(&program).with_context(|| format!("cannot list {}", program.display()))? {
            let entry = entry?;
            let own = entry.file_name() == "config" || entry.file_name() == "plugins";
            copy_tree(&entry.path(), &home.join(entry.file_name()), !own)?;
        }
        for own in ["config", "plugins", "logs", "data", "tmp"] {
            fs::create_dir_all(home.join(own)).with_context(|| format!("cannot create {own}"))?;
        }
        let layout = Layout {
            release,
            home,
            java,
            account,
            stand_in,
            heap: spec.heap.clone().unwrap_or_else(|| release.heap.to_owned()),
            fast_start: spec.fast_start,
        };
        layout.configure(spec, port)?;
        for own in ["config", "plugins", "logs", "data", "tmp"] {
            layout.account.give(&layout.home.join(own))?;
        }
        Ok(layout)
    }

    fn configure(&self, spec: &NodeSpec, port: u16) -> Result<()> {
        let config = self.home.join("config");
        let name = if self.release.family == Family::OpenSearch { "opensearch" } else { "elasticsearch" };
        let settings = settings(self.release.family, spec, port, &self.home);
        fs::write(config.join(format!("{name}.yml")), settings)
            .context("cannot write the server's settings")?;
        if self.release.family == Family::Five {
            let options = config.join("jvm.options");
            let text = fs::read_to_string(&options).context("cannot read jvm.options")?;
            let kept: Vec<&str> =
                text.lines().filter(|line| !line.contains("CMS") && !line.contains("UseConcMark")).collect();
            fs::write(&options, kept.join("\n") + "\n").context("cannot write jvm.options")?;
        }
        Ok(())
    }

    /// The command that becomes the server: every program on the way there replaces itself by the next.
    pub(super) fn command(&self, dies_with_us: bool) -> Result<Command> {
        let mut command = match self.release.family {
            Family::One | Family::Two => self.direct(dies_with_us),
            Family::OpenSearch => self.account.command(&self.home.join("bin/opensearch"), dies_with_us),
            _ => self.account.command(&self.home.join("bin/elasticsearch"), dies_with_us),
        };
        let options = self.options().join(" ") + " -XX:-AlwaysPreTouch";
        for name in ["ES_JAVA_OPTS", "OPENSEARCH_JAVA_OPTS"] {
            command.env(name, &options);
        }
        for name in ["JAVA_HOME", "ES_JAVA_HOME", "OPENSEARCH_JAVA_HOME"] {
            command.env(name, self.java.home());
        }
        command.env("ES_TMPDIR", self.home.join("tmp")).env("OPENSEARCH_TMPDIR", self.home.join("tmp"));
        for name in ["ES_HOME", "ES_PATH_CONF", "JAVA_TOOL_OPTIONS", "ES_CLASSPATH", "ES_INCLUDE"] {
            command.env_remove(name);
        }
        let log = self.log();
        let out = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot open {}", log.display()))?;
        command
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(out.try_clone().context("cannot share the log")?)
            .stderr(out);
        Ok(command)
    }

    /// What the server printed.
    pub(super) fn log(&self) -> PathBuf {
        self.home.join("printed.log")
    }

    /// The last lines that the server printed.
    pub(super) fn last_words(&self) -> String {
        let text = fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }

    fn options(&self) -> Vec<String> {
        let mut options = vec![format!("-Xms{}", self.heap), format!("-Xmx{}", self.heap)];
        if self.fast_start {
            options.push("-XX:TieredStopAtLevel=1".into());
            if matches!(self.release.family, Family::One | Family::Two) {
                options.push("-XX:+UseSerialGC".into());
            }
        }
        options
    }

    /// Calls the main class: the scripts of 1.x and 2.x ask for a collector that Java 17 does not have.
    fn direct(&self, dies_with_us: bool) -> Command {
        let home = self.home.display();
        let mut command = self.account.command(&self.java.program(), dies_with_us);
        command.args(self.options());
        command.args(["-Djna.nosys=true", "-Dfile.encoding=UTF-8", "-Des.foreground=yes"]);
        command.arg(format!("-Djava.io.tmpdir={home}/tmp")).arg(format!("-Des.path.home={home}"));
        match &self.stand_in {
            Some(stand_in) => {
                command.arg("-cp").arg(format!("{}:{home}/lib/*:{home}/lib/sigar/*", stand_in.display()))
            }
            None => command.arg("-cp").arg(format!("{home}/lib/*")),
        };
        command.arg("org.elasticsearch.bootstrap.Elasticsearch");
        if self.release.family == Family::Two {
            command.arg("start");
        }
        command
    }
}

/// The settings file of a node.
fn settings(family: Family, spec: &NodeSpec, port: u16, home: &Path) -> String {
    let cluster = spec.cluster_name.clone().unwrap_or_else(|| format!("esferry-lab-{port}"));
    let data = spec.data_dir.clone().unwrap_or_else(|| home.join("data"));
    let mut lines = vec![
        format!("cluster.name: {cluster}"),
        format!("node.name: n{port}"),
        format!("path.data: {}", data.display()),
        format!("path.logs: {}", home.join("logs").display()),
        "network.host: 127.0.0.1".into(),
        format!("http.port: {port}"),
        "cluster.routing.allocation.disk.threshold_enabled: false".into(),
    ];
    let transport = port + 1000;
    lines.push(match family {
        Family::Seven | Family::OpenSearch => format!("transport.port: {transport}"),
        _ => format!("transport.tcp.port: {transport}"),
    });
    let alone = spec.cluster_name.is_none();
    match family {
        Family::One => {
            lines.push("discovery.zen.ping.multicast.enabled: false".into());
            lines.push("discovery.zen.ping_timeout: 200ms".into());
            if alone {
                lines.push(format!("discovery.zen.ping.unicast.hosts: [\"127.0.0.1:{transport}\"]"));
            }
        }
        Family::Two => {
            lines.push("discovery.zen.ping_timeout: 200ms".into());
            if alone {
                lines.push(format!("discovery.zen.ping.unicast.hosts: [\"127.0.0.1:{transport}\"]"));
            }
        }
        _ if alone => lines.push("discovery.type: single-node".into()),
        _ => {}
    }
    if family == Family::Six {
        for feature in ["ml", "security", "monitoring", "watcher"] {
            lines.push(format!("xpack.{feature}.enabled: false"));
        }
        lines.push("reindex.remote.whitelist: \"127.0.0.1:*,localhost:*\"".into());
    }
    lines.extend(spec.extra_settings.iter().cloned());
    lines.join("\n") + "\n"
}

/// Copies a folder; with `link` the files are hard links where the file system allows it.
fn copy_tree(from: &Path, to: &Path, link: bool) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
        for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
            let entry = entry?;
            copy_tree(&entry.path(), &to.join(entry.file_name()), link)?;
        }
        return Ok(());
    }
    if !link || fs::hard_link(from, to).is_err() {
        fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_node_looks_for_no_others() {
        let spec = NodeSpec::new("1.7.6");
        let text = settings(Family::One, &spec, 9400, Path::new("/h"));
        assert!(text.contains("multicast.enabled: false"), "{text}");
        assert!(text.contains("transport.tcp.port: 10400"), "{text}");
        assert!(text.contains("cluster.name: esferry-lab-9400"), "{text}");
        let six = settings(Family::Six, &spec, 9400, Path::new("/h"));
        assert!(six.contains("single-node"), "{six}");
    }

    #[test]
    fn extra_settings_come_last() {
        let spec = NodeSpec::new("6.8.23").setting("thread_pool.write.queue_size: 1");
        let text = settings(Family::Six, &spec, 9400, Path::new("/h"));
        assert!(text.ends_with("thread_pool.write.queue_size: 1\n"), "{text}");
    }
}
