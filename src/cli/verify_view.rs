//! What a verification found, as people read it.

use std::fmt::Write as _;
use std::time::Duration;

use crate::control::verification::{VerificationState, VerificationStatus};
use crate::engine::verification::{IndexCounts, SideCounts};
use crate::store::verification::{Difference, DifferenceGroup, Repaired};

use super::Paint;
use super::numbers::{documents, duration, grouped, percent, rate};

/// The report of levels `ids` and `content`.
pub fn compared(name: &str, status: &VerificationStatus, paint: Paint) -> String {
    let mut text = format!("{}  {}\n", paint.bold(name), line(status, paint));
    for index in &status.indices {
        let (expected, found) = (grouped(index.expected.docs), grouped(index.found.docs));
        let told = match (index.differences, index.expected == index.found) {
            (0, true) => format!("the same (digest {:032x})", index.found.digest),
            (0, false) => "the same once the changes had passed".to_owned(),
            (number, _) => format!("{} differed", grouped(number)),
        };
        let _ = writeln!(text, "  {}: {expected} documents expected, {found} there: {told}", index.index);
    }
    for group in &status.groups {
        text.push_str(&of_group(group, paint));
    }
    text
}

/// One line for the status and the head of a report.
pub fn line(status: &VerificationStatus, paint: Paint) -> String {
    let counts = &status.counts;
    let read = counts.on_source + counts.on_target;
    match status.state {
        VerificationState::Reading => {
            // Documents far below 2^52: nothing is lost.
            #[allow(clippy::cast_precision_loss)]
            let fraction = (status.docs_of > 0).then(|| (read as f64 / status.docs_of as f64).min(1.0));
            let eta = status
                .eta_seconds
                .map_or(String::new(), |seconds| format!("  ETA {}", duration(Duration::from_secs(seconds))));
            format!(
                "verifying {}: {} read, {} of {} parts  {}  {}{eta}",
                status.level,
                documents(read),
                grouped(status.parts),
                grouped(status.parts_of),
                percent(fraction),
                rate(status.rate),
            )
        }
        VerificationState::Comparing => {
            format!("verifying {}: comparing, {} candidates", status.level, grouped(counts.candidates))
        }
        VerificationState::Looking => format!("verifying {}: {}", status.level, looked(status)),
        VerificationState::WaitingForChanges => {
            format!("verifying {}: waiting for the changes to pass, {}", status.level, looked(status))
        }
        VerificationState::Interrupted => {
            let again = format!("--level {}", status.level);
            paint.yellow(&format!(
                "verification {} was interrupted, begun {}: the same `esferry verify {again}` goes on there",
                status.number,
                status.begun.strftime("%Y-%m-%d %H:%M")
            ))
        }
        VerificationState::Finished => {
            let at = status.finished.map_or(String::new(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string());
            let took = status.seconds.map_or(String::new(), |seconds| {
                format!(" (took {})", duration(Duration::from_secs(seconds)))
            });
            let told = format!("verified {} {at}{took}: {}", status.level, outcome(status));
            if status.is_clean() { paint.green(&told) } else { paint.red(&told) }
        }
    }
}

fn looked(status: &VerificationStatus) -> String {
    let counts = &status.counts;
    format!(
        "{} candidates, {} the same by now, {} different",
        grouped(counts.candidates),
        grouped(counts.passed),
        grouped(counts.differences)
    )
}

fn outcome(status: &VerificationStatus) -> String {
    let counts = &status.counts;
    let mut parts = vec![match counts.open() {
        0 => format!("{} documents, nothing differs", documents(counts.on_source)),
        open => format!("{} documents, {} differ", documents(counts.on_source), grouped(open)),
    }];
    let more = [
        (counts.repaired, "repaired"),
        (counts.accepted, "accepted failures"),
        (counts.passed, "passed meanwhile"),
    ];
    for (number, word) in more {
        if number > 0 {
            parts.push(format!("{} {word}", grouped(number)));
        }
    }
    if counts.unchanged > 0 {
        parts.push(format!("{} not read again, nothing was written there", documents(counts.unchanged)));
    }
    parts.join(", ")
}

fn of_group(group: &DifferenceGroup, paint: Paint) -> String {
    let mut marks = Vec::new();
    if group.repaired > 0 {
        marks.push(format!("{} repaired", grouped(group.repaired)));
    }
    if group.accepted > 0 {
        marks.push(format!("{} accepted", grouped(group.accepted)));
    }
    let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
    let head = format!("{} {}{marks}", group.kind, grouped(group.count));
    let open = group.count > group.repaired + group.accepted;
    let head = if open { paint.red(&head) } else { paint.green(&head) };
    let mut text = format!("{head}: {}\n", group.why);
    for sample in &group.samples {
        text.push_str(&of_difference(sample));
    }
    let untold = group.count.saturating_sub(group.samples.len() as u64);
    if untold > 0 {
        let _ = writeln!(text, "  and {} more", grouped(untold));
    }
    text
}

fn of_difference(difference: &Difference) -> String {
    let routing = difference.routing.as_ref().map_or(String::new(), |routing| format!(" routing {routing}"));
    let found = difference
        .found_routing
        .as_ref()
        .map_or(String::new(), |routing| format!(", there under routing {routing}"));
    let version = |version: Option<u64>| version.map_or("none".to_owned(), |version| version.to_string());
    let on_source = difference.source.as_ref().and_then(|source| source.version);
    let mut text = format!(
        "  {}/{}{routing}{found}: version {} on the source, {} on the target\n",
        difference.index,
        difference.id,
        version(on_source),
        version(difference.target_version)
    );
    for place in &difference.at {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        let path = if place.path.is_empty() { "the document" } else { &place.path };
        let _ =
            writeln!(text, "    {path}: {} expected, {} there", side(&place.expected), side(&place.found));
    }
    if let Some(Repaired::Failed(why)) = &difference.repair {
        let _ = writeln!(text, "    not repaired: {why}");
    }
    text
}

/// The report of level `count`.
pub fn counted(name: &str, counts: &SideCounts, paint: Paint) -> String {
    let mut text = format!("{}  counted\n", paint.bold(name));
    for index in &counts.indices {
        let told = index.between();
        let told = if index.agrees() { paint.green(&told) } else { paint.red(&told) };
        let _ = writeln!(text, "  {told}");
        if let Some(why) = &index.counted.explanation {
            let _ = writeln!(text, "    {why}");
        }
        for of in &index.types {
            let line = format!(
                "type {}: {} on the source, {} on the target",
                of.doc_type,
                grouped(of.source),
                grouped(of.target)
            );
            let _ = writeln!(text, "    {}", if of.source == of.target { line } else { paint.red(&line) });
        }
        if index.slices_changed > 0 {
            let _ = writeln!(
                text,
                "    {} of {} slices hold another number than was copied from them: the source was written since",
                grouped(index.slices_changed),
                grouped(index.slices)
            );
            for slice in index.changed.iter().take(5) {
                let (copied, now) = (grouped(slice.copied), grouped(slice.now));
                let _ = writeln!(text, "      {}: {copied} copied, {now} now", slice.slice);
            }
        }
    }
    if let Some(others) = &counts.others {
        let told = others.between();
        let told = if others.agrees() { paint.green(&told) } else { paint.red(&told) };
        let _ = writeln!(text, "  {told}");
    }
    text
}

impl IndexCounts {
    /// Both sides in a line.
    #[must_use]
    pub fn between(&self) -> String {
        let counted = &self.counted;
        let mut parts = format!(
            "{} -> {}: {} on the source, {} on the target",
            self.source,
            self.target,
            grouped(counted.source),
            grouped(counted.target)
        );
        for (number, word) in [
            (counted.failures, "failures"),
            (counted.dropped, "dropped"),
            (counted.derived, "derived"),
            (counted.elsewhere, "in other indices"),
        ] {
            if number > 0 {
                let _ = write!(parts, ", {} {word}", grouped(number));
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests;
