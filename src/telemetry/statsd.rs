//! The counters of the well-known migration script, by their names, over UDP.
//!
//! A datagram that cannot be sent is dropped: counters never block or fail a copy.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use cadence::{Counted, Gauged, StatsdClient, Timed, UdpMetricSink};

use crate::config::StatsdConfig;
use crate::error::{Error, Result};

/// Gauge: documents to migrate, `,index=TARGET,type=success`.
pub const TOTAL: &str = "elastic_migration_document_total_count";
/// Counter: documents settled, `,index=TARGET,type=success` or `type=failure`.
pub const DOCUMENTS: &str = "elastic_migration_document_count";
/// Timer: duration of the copy in milliseconds, `,index=TARGET`.
pub const TIME: &str = "elastic_migration_time_ms";

/// Where counters go, if anywhere. Cheap to clone.
#[derive(Clone)]
pub struct Counters(Option<Arc<StatsdClient>>);

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Counters(on)" } else { "Counters(off)" })
    }
}

impl Counters {
    /// Nowhere.
    #[must_use]
    pub fn off() -> Counters {
        Counters(None)
    }

    /// To the configured address, which is resolved once, here.
    pub fn to(config: &StatsdConfig) -> Result<Counters> {
        let unusable = |error: std::io::Error| {
            Error::config("statsd_unusable", format!("cannot send counters to {}", config.address))
                .because(error)
                .hint("check statsd.address, or take [statsd] out of the configuration")
        };
        let addresses: Vec<SocketAddr> = config.address.to_socket_addrs().map_err(unusable)?.collect();
        // Most statsd servers listen on IPv4 alone, and nobody answers a datagram sent elsewhere.
        let address = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
        let address = *address.ok_or_else(|| unusable(std::io::ErrorKind::AddrNotAvailable.into()))?;
        let local: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(local).map_err(unusable)?;
        socket.set_nonblocking(true).map_err(unusable)?;
        let sink = UdpMetricSink::from(address, socket)
            .map_err(|error| Error::unexpected("statsd_unusable", "cannot send counters").because(error))?;
        let client = StatsdClient::builder("", sink)
            .with_error_handler(|error| tracing::debug!(%error, "statsd counter dropped"))
            .build();
        Ok(Counters(Some(Arc::new(client))))
    }

    /// Documents that are to be migrated into `index`.
    pub fn total(&self, index: &str, docs: u64) {
        if let Some(client) = &self.0 {
            client.gauge_with_tags(&format!("{TOTAL},index={},type=success", tag(index)), docs).send();
        }
    }

    /// Documents settled since the last call.
    pub fn documents(&self, index: &str, success: u64, failure: u64) {
        let Some(client) = &self.0 else { return };
        for (outcome, docs) in [("success", success), ("failure", failure)] {
            if docs > 0 {
                client
                    .count_with_tags(&format!("{DOCUMENTS},index={},type={outcome}", tag(index)), docs)
                    .send();
            }
        }
    }

    /// How long the copy into `index` took.
    pub fn time(&self, index: &str, elapsed: Duration) {
        if let Some(client) = &self.0 {
            client.time_with_tags(&format!("{TIME},index={}", tag(index)), elapsed).send();
        }
    }
}

/// Old index names may hold characters that end a name in the protocol.
fn tag(index: &str) -> String {
    index.replace([':', '|', '@', ',', '=', '\n'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening() -> (UdpSocket, Counters) {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        server.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let address = server.local_addr().unwrap().to_string();
        (server, Counters::to(&StatsdConfig { address }).unwrap())
    }

    fn received(server: &UdpSocket) -> String {
        let mut buffer = [0; 512];
        let length = server.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned()
    }

    #[test]
    fn the_names_are_those_of_the_script() {
        let (server, counters) = listening();
        counters.total("alerts", 500);
        assert_eq!(
            received(&server),
            "elastic_migration_document_total_count,index=alerts,type=success:500|g"
        );
        counters.documents("alerts", 12, 3);
        assert_eq!(received(&server), "elastic_migration_document_count,index=alerts,type=success:12|c");
        assert_eq!(received(&server), "elastic_migration_document_count,index=alerts,type=failure:3|c");
        counters.documents("alerts", 0, 1);
        assert_eq!(received(&server), "elastic_migration_document_count,index=alerts,type=failure:1|c");
        counters.time("a:b", Duration::from_millis(1500));
        assert_eq!(received(&server), "elastic_migration_time_ms,index=a_b:1500|ms");
    }

    #[test]
    fn nobody_listening_fails_nothing() {
        let (server, counters) = listening();
        drop(server);
        for _ in 0..100 {
            counters.documents("alerts", 1, 1);
        }
        Counters::off().documents("alerts", 1, 1);
    }

    #[test]
    fn an_unknown_host_is_named() {
        let error = Counters::to(&StatsdConfig { address: "host.invalid:8125".to_owned() }).err().unwrap();
        assert_eq!(error.code(), "statsd_unusable");
        assert!(error.to_string().contains("host.invalid:8125"));
    }
}
