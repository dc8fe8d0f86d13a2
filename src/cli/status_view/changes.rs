//! How the changes made during the copy arrive, in a line or two.

use std::time::Duration;

use crate::control::changes::{PassState, PassesStatus, TopicStatus};
use crate::store::passes::PassCounts;

use super::super::numbers::{NOTHING, documents, duration, grouped, rate};

/// The topic: how far behind it is, what became of its messages, and what is wrong with what the brokers keep.
pub(super) fn topic_lines(topic: &TopicStatus, caught_up: bool) -> Vec<String> {
    let lag = match (topic.lag, topic.lag_seconds) {
        (None, _) => format!("lag {NOTHING}"),
        (Some(0), _) => "no lag".to_owned(),
        (Some(lag), None) => format!("lag {} messages", documents(lag)),
        (Some(lag), Some(seconds)) => {
            format!("lag {} messages ({})", documents(lag), duration(Duration::from_secs(seconds)))
        }
    };
    let who = match &topic.group {
        Some(group) => format!("group {group} reads topic {}", topic.topic),
        None => format!("topic {}", topic.topic),
    };
    let state = if caught_up { " · caught up" } else { "" };
    let recorded = topic.recorded.strftime("%Y-%m-%d %H:%M");
    let mut lines = vec![format!("{who}: {lag} since the offsets recorded {recorded}{state}")];
    if topic.group.is_none() && (topic.counts.read > 0 || topic.rate_now.is_some()) {
        let counts = &topic.counts;
        let eta = topic.eta_seconds.filter(|seconds| *seconds > 0);
        let eta =
            eta.map_or(String::new(), |seconds| format!(" · ETA {}", duration(Duration::from_secs(seconds))));
        lines.push(format!(
            "messages {} ({}): {} applied, {} ignored, {} failed; {} written, {} deleted, {} unchanged{eta}",
            grouped(counts.read),
            rate(topic.rate_now),
            grouped(counts.applied),
            grouped(counts.ignored),
            grouped(counts.failed),
            grouped(counts.written),
            grouped(counts.deleted),
            grouped(counts.unchanged),
        ));
    }
    lines.extend(topic.retention.as_ref().map(|told| format!("retention: {told}")));
    lines
}

/// The passes over both sides: what the one under way is doing, and what the last one found.
pub(super) fn passes_lines(passes: &PassesStatus, caught_up: bool) -> Vec<String> {
    let counts = &passes.counts;
    let seen = format!(
        "{} seen on the source, {} on the target",
        documents(counts.on_source),
        documents(counts.on_target)
    );
    let mut lines = Vec::new();
    match passes.state {
        PassState::Reading => {
            let parts = match passes.parts_of {
                0 => String::new(),
                of => format!(" {} of {} parts", grouped(passes.parts), grouped(of)),
            };
            lines.push(format!("pass {}: reading{parts}, {seen}", passes.pass));
        }
        PassState::Comparing => {
            lines.push(format!("pass {}: comparing, {}", passes.pass, found(counts)));
        }
        PassState::Resting => {}
    }
    if let Some(last) = &passes.last {
        let took = duration(Duration::from_secs(last.seconds));
        let state = if caught_up { " · caught up" } else { "" };
        let at = last.finished.strftime("%Y-%m-%d %H:%M:%S");
        lines.push(format!("pass {} over {at} (took {took}): {}{state}", last.pass, found(&last.counts)));
    }
    lines
}

fn found(counts: &PassCounts) -> String {
    format!(
        "{} looked at: {} written, {} deleted, {} unchanged, {} failed",
        grouped(counts.found),
        grouped(counts.written),
        grouped(counts.deleted),
        grouped(counts.unchanged),
        grouped(counts.failed)
    )
}
