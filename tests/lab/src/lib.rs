//! What esferry's tests, demo and benchmarks share.
//!
//! - [`servers`]: real Elasticsearch and OpenSearch servers on loopback, without containers.
//! - [`data`]: documents to migrate: cities, the seed's alerts, and odd ones of every kind.
//! - [`mod@compare`]: two indices, document by document, by a reader that shares nothing with esferry's own.
//! - [`proxy`]: an HTTP proxy that counts requests and makes faults.
//! - [`users`]: searches that never stop, through a front end that is moved.
//! - [`tls`]: TLS in front of either, with certificates of its own.
//! - [`daemon`]: the real binary, to be run, killed and asked.
//! - [`mod@browser`]: a real Chromium, for pages that esferry makes.
//! - [`chaos`]: whole migrations through random faults, kills and freezes.
//! - [`demo`] and [`mod@bench`]: what `scripts/demo` and `scripts/bench` run.

pub mod bench;
pub mod browser;
pub mod chaos;
pub mod compare;
pub mod daemon;
pub mod data;
pub mod demo;
pub mod endpoint;
pub mod kafka;
pub mod live;
pub mod place;
pub mod proxy;
pub mod reader;
pub mod servers;
pub mod tls;
pub mod users;
mod wanted;

pub use browser::Browser;
pub use compare::{Comparison, compare};
pub use daemon::Daemon;
pub use endpoint::Endpoint;
pub use kafka::Topics;
pub use proxy::{Gate, Proxy, Rule};
pub use servers::{Broker, Etcd, Nginx, Node, NodeSpec, Servers};
pub use tls::TlsFront;
pub use users::Users;
pub use wanted::wanted;
