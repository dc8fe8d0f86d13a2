//! The table of servers: what each version is called, where it comes from and where it listens.

use super::artifact::{Artifact, Origin};
use super::cache::Cache;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// How a server is launched and what its settings are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// 1.x: main class called directly, with the stand-in class.
    One,
    /// 2.x: main class called directly.
    Two,
    /// 5.x: script, without the collector that Java 17 no longer has.
    Five,
    /// 6.x: script.
    Six,
    /// 7.x: script; a distribution with few modules.
    Seven,
    /// OpenSearch: script.
    OpenSearch,
}

/// One server version.
#[derive(Debug)]
pub struct Release {
    /// The version, `os-` before it for OpenSearch.
    pub version: &'static str,
    /// How it is launched.
    pub family: Family,
    /// The HTTP port of the shared server; transport is 1000 above.
    pub port: u16,
    /// The heap of the shared server.
    pub heap: &'static str,
    /// The archive.
    pub archive: Artifact,
}

macro_rules! release {
    ($version:literal, $family:ident, $port:literal, $heap:literal, $coordinates:literal, $file:literal, $sha256:literal) => {
        Release {
            version: $version,
            family: Family::$family,
            port: $port,
            heap: $heap,
            archive: Artifact { origin: Origin::Maven($coordinates), file: $file, sha256: $sha256 },
        }
    };
}

/// Every server that the lab can start.
pub const RELEASES: &[Release] = &[
    release!(
        "1.3.9",
        One,
        9213,
        "512m",
        "org.elasticsearch:elasticsearch:1.3.9:tar.gz",
        "elasticsearch-1.3.9.tar.gz",
        "9b12ceba35c4a48e3e0fdc93f0676917d10acb5ee9264e9f2f9efc1a73e540bd"
    ),
    release!(
        "1.7.6",
        One,
        9217,
        "512m",
        "org.elasticsearch:elasticsearch:1.7.6:tar.gz",
        "elasticsearch-1.7.6.tar.gz",
        "78affc30353730ec245dad1f17de242a4ad12cf808eaa87dd878e1ca10ed77df"
    ),
    release!(
        "2.4.6",
        Two,
        9224,
        "512m",
        "org.elasticsearch.distribution.zip:elasticsearch:2.4.6:zip",
        "elasticsearch-2.4.6.zip",
        "13473542568a1805c9daf0bd97a3910746cd1922d2b283578dbc3bcef605cbcb"
    ),
    release!(
        "5.6.16",
        Five,
        9256,
        "512m",
        "org.elasticsearch.distribution.zip:elasticsearch:5.6.16:zip",
        "elasticsearch-5.6.16.zip",
        "1f0c74e213c60f050ac3adf584d2bb5d5582932b93965d489bb3f3e9fff2b8bb"
    ),
    release!(
        "6.8.23",
        Six,
        9268,
        "1g",
        "org.elasticsearch.distribution.zip:elasticsearch:6.8.23:zip",
        "elasticsearch-6.8.23.zip",
        "490e9b9fbab9ffb3499938c45850318bd6554d439497842450b60ef22c114fb6"
    ),
    release!(
        "7.17.9",
        Seven,
        9277,
        "512m",
        "org.elasticsearch.distribution.integ-test-zip:elasticsearch:7.17.9:zip",
        "elasticsearch-7.17.9.zip",
        "231f708f602b39359853a6d822525ba695233fe06c2dd5a960bc535bf66b6fc1"
    ),
    release!(
        "os-2.11.0",
        OpenSearch,
        9211,
        "512m",
        "org.opensearch.distribution.integ-test-zip:opensearch:2.11.0:zip",
        "opensearch-2.11.0.zip",
        "7101a793cc129476dfd4125ddefa1e1a7397c1f71f95e7fa5fd9fd7da958b70c"
    ),
];

impl Release {
    /// The release of this version.
    pub fn named(version: &str) -> Result<&'static Release> {
        RELEASES.iter().find(|release| release.version == version).with_context(|| {
            let known: Vec<_> = RELEASES.iter().map(|release| release.version).collect();
            format!("no server {version} here: the lab knows {}", known.join(", "))
        })
    }

    /// The folder of the unpacked server, fetched when it is not there yet. Nothing may be written in it.
    pub fn unpack(&self, cache: &Cache) -> Result<PathBuf> {
        self.archive.unpack(cache, &format!("servers/{}", self.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_their_transports_do_not_collide() {
        let mut ports: Vec<u16> =
            RELEASES.iter().flat_map(|release| [release.port, release.port + 1000]).collect();
        ports.sort_unstable();
        let before = ports.len();
        ports.dedup();
        assert_eq!(ports.len(), before);
    }

    #[test]
    fn an_unknown_version_is_answered_with_the_known_ones() {
        let error = Release::named("1.7.5").unwrap_err().to_string();
        assert!(error.contains("1.7.6"), "{error}");
    }
}
