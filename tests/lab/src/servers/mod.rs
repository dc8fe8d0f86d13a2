//! Real servers on loopback: fetched once, started in a second or few, ended only by who started them.

mod account;
mod artifact;
mod cache;
mod debian;
mod etcd;
mod folder;
mod java;
mod kafka;
mod launch;
mod nginx;
mod node;
mod pair;
mod process;
mod release;
mod shared;

pub use account::Account;
pub use artifact::{Artifact, Origin};
pub use cache::{Cache, Lock};
pub use etcd::{Etcd, Watch};
pub use java::Java;
pub use kafka::{Broker, KAFKA};
pub use nginx::Nginx;
pub use node::{Node, NodeSpec};
pub use pair::{start_pair, wait_for_nodes};
pub use process::{ProcessId, output};
pub use release::{Family, RELEASES, Release};
pub use shared::{RunningServer, Servers};
