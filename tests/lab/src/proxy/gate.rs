//! Holds requests until a test lets them go.

use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Closed at first; everything that waits at it goes on when it is opened.
#[derive(Debug, Clone)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
    held: Arc<watch::Sender<usize>>,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate::new()
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Gate {
        Gate { open: Arc::new(watch::Sender::new(false)), held: Arc::new(watch::Sender::new(0)) }
    }

    /// Lets go whatever waits, and whatever comes.
    pub fn release(&self) {
        self.open.send_replace(true);
    }

    /// Holds what comes from now on.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    /// How many wait at it now.
    pub fn held(&self) -> usize {
        *self.held.borrow()
    }

    /// Waits, blocking the thread, until so many are held. False when they are not after `patience`.
    pub fn wait_held(&self, wanted: usize, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.held() < wanted {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    pub(super) async fn pass(&self) {
        let _count = Held::at(self);
        let mut open = self.open.subscribe();
        // the sender lives in this gate: waiting cannot fail
        let _ = open.wait_for(|open| *open).await;
    }
}

/// Counts one that is held, for as long as it exists: it may be given up at any time.
struct Held<'a>(&'a Gate);

impl<'a> Held<'a> {
    fn at(gate: &'a Gate) -> Held<'a> {
        gate.held.send_modify(|held| *held += 1);
        Held(gate)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.held.send_modify(|held| *held -= 1);
    }
}
