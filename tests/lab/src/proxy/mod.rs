//! An HTTP proxy on loopback that records every request and makes the faults it is told to make.
//!
//! It has a thread and a runtime of its own, so that it serves blocking tests and asynchronous ones alike.

mod gate;
mod record;
mod rewrite;
mod rule;
mod serve;

pub use gate::Gate;
pub use record::Recorded;
pub use rewrite::{
    doubled_hits, first_item_again, hits_of_another_index, ids_in_capitals, invalid_utf8_in_an_id,
    items_reversed, last_hit_left_out, last_item_left_out, negative_numbers, numbers_as_strings, with_shards,
};
pub use rule::{Rule, Seen};

use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What the proxy does as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Forwards, but for the rules.
    Serving,
    /// Takes connections and requests, and answers nothing.
    Frozen,
    /// Has no listener: connections are refused, those that were open are cut.
    Refusing,
    /// Is ending.
    Ended,
}

/// What the proxy's thread and its owner share.
#[derive(Debug)]
pub(crate) struct Shared {
    upstream: String,
    rules: Mutex<Vec<rule::Armed>>,
    records: Mutex<Vec<Recorded>>,
    mode: watch::Sender<Mode>,
    begun: Instant,
}

/// A running proxy; it ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy for the server at `upstream`, on a free port.
    pub fn start(upstream: &str) -> Result<Proxy> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("no port for the proxy")?;
        let address = listener.local_addr().context("the proxy has no address")?;
        let shared = Arc::new(Shared {
            upstream: upstream.trim_end_matches('/').to_owned(),
            rules: Mutex::default(),
            records: Mutex::default(),
            mode: watch::Sender::new(Mode::Serving),
            begun: Instant::now(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("proxy")
            .enable_all()
            .build()
            .context("no runtime for the proxy")?;
        let held = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            runtime.block_on(serve::run(listener, address, held));
            runtime.shutdown_background();
        });
        Ok(Proxy { address, shared, thread: Some(thread) })
    }

    /// The address to use in place of the server's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a rule. For each request the first rule that applies does what it says, and no other.
    pub fn rule(&self, rule: Rule) -> &Proxy {
        locked(&self.shared.rules).push(rule::Armed::new(rule));
        self
    }

    /// Takes all rules away.
    pub fn clear_rules(&self) {
        locked(&self.shared.rules).clear();
    }

    /// How often each rule was applied, in the order in which they were added.
    pub fn applied(&self) -> Vec<u64> {
        locked(&self.shared.rules).iter().map(rule::Armed::applied).collect()
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        locked(&self.shared.records).clone()
    }

    /// Looks at the requests so far, without copying them.
    pub fn look<T>(&self, see: impl FnOnce(&[Recorded]) -> T) -> T {
        see(&locked(&self.shared.records))
    }

    /// The requests that opened a scroll or scan: how often slices were read can be told from their bodies.
    pub fn opens(&self) -> Vec<Recorded> {
        self.requests().into_iter().filter(Recorded::is_open).collect()
    }

    /// The requests whose path and query contain `part`.
    pub fn requests_to(&self, part: &str) -> Vec<Recorded> {
        self.requests().into_iter().filter(|request| request.path.contains(part)).collect()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        locked(&self.shared.records).clear();
    }

    /// Waits until `wanted` says yes to the requests so far. False when it has not after `patience`.
    pub fn wait_until<F: Fn(&[Recorded]) -> bool>(&self, patience: Duration, wanted: F) -> bool {
        let until = Instant::now() + patience;
        while !wanted(&locked(&self.shared.records)) {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// From now on takes connections and requests and answers nothing, not even what is on its way.
    pub fn freeze(&self) {
        self.shared.mode.send_replace(Mode::Frozen);
    }

    /// From now on refuses connections, and cuts those that are open.
    pub fn refuse(&self) {
        self.shared.mode.send_replace(Mode::Refusing);
    }

    /// Ends [`Proxy::freeze`] and [`Proxy::refuse`]: what was held is answered.
    pub fn serve(&self) {
        self.shared.mode.send_replace(Mode::Serving);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.mode.send_replace(Mode::Ended);
        if let Some(thread) = self.thread.take() {
            // a panic in there has been printed already
            let _ = thread.join();
        }
    }
}

/// A panic elsewhere while holding the lock does not make what it guards wrong.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
