//! What the process tells the outside: logs, statsd counters, systemd.

pub mod logs;
pub mod statsd;
pub mod systemd;
