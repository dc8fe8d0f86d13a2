//! Notifications to the service manager. Without `NOTIFY_SOCKET` none of this does anything.

use std::time::Duration;

use sd_notify::NotifyState;

/// The control socket listens and the store is open.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// One line for `systemctl status`.
pub fn status(text: &str) {
    tell(&[NotifyState::Status(&text.replace(['\n', '\r'], " "))]);
}

/// The process checkpoints and leaves.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// How often [`watchdog`] is to be called, when the unit has a `WatchdogSec`: half of it.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    let mut microseconds = 0;
    sd_notify::watchdog_enabled(false, &mut microseconds).then(|| Duration::from_micros(microseconds / 2))
}

/// The process is alive.
pub fn watchdog() {
    tell(&[NotifyState::Watchdog]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::debug!(%error, "service manager not notified");
    }
}
