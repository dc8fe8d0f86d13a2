//! The table that `scripts/bench` prints.

use super::contestant::Contestant;
use super::measured::Cost;
use std::fmt::Write;
use std::time::Duration;

/// The results as Markdown, with esferry's ratios below when it took part.
pub(super) fn render(results: &[(Contestant, Vec<Cost>)], documents: u64) -> String {
    let mut text = format!("{documents} documents, 3 shards to 3 shards; each figure once per round\n\n");
    text.push_str("| | wall s, until all can be found | own CPU s | peak RSS MB |\n|---|---|---|---|\n");
    for (contestant, costs) in results {
        let wall = each(costs, |cost| Some(cost.wall.as_secs_f64()), 1);
        let cpu = each(costs, |cost| cost.cpu.map(|cpu| cpu.as_secs_f64()), 2);
        let memory = each(costs, |cost| cost.memory.map(megabytes), 0);
        let cpu = if *contestant == Contestant::Reindex { "(in the server)".to_owned() } else { cpu };
        // writing to a string cannot fail
        let _ = writeln!(text, "| {} | {wall} | {cpu} | {memory} |", contestant.title());
    }
    let Some(own) = best(results, |contestant| contestant == Contestant::Esferry) else { return text };
    text.push('\n');
    let peers = best(results, |contestant| matches!(contestant, Contestant::Reindex | Contestant::Python));
    if let Some(peer) = peers {
        let _ = writeln!(text, "esferry / best peer (wall, best rounds): {:.2}", ratio(own, peer));
    }
    if let Some(floor) = best(results, |contestant| contestant == Contestant::Floor) {
        let _ = writeln!(text, "esferry / floor: {:.2}", ratio(own, floor));
    }
    let copies = results.iter().filter(|(contestant, _)| *contestant == Contestant::Esferry);
    let planned: Vec<String> = copies
        .flat_map(|(_, costs)| costs)
        .filter_map(|cost| Some((cost.planning?, cost.wall)))
        .map(|(planning, wall)| {
            format!("{:.2} s ({:.1} %)", planning.as_secs_f64(), ratio(planning, wall) * 100.0)
        })
        .collect();
    if !planned.is_empty() {
        let _ = writeln!(text, "planning, of the time: {}", planned.join(", "));
    }
    for (level, contestant) in [("content", Contestant::VerifyContent), ("ids", Contestant::VerifyIds)] {
        if let Some(verified) = best(results, |other| other == contestant) {
            let faster = ratio(own, verified);
            let _ = writeln!(
                text,
                "verify --level {level}: {faster:.2} times the documents a second of the copy"
            );
        }
    }
    let slowest = results.iter().flat_map(|(_, costs)| costs).filter_map(|cost| cost.slowest_status).max();
    if let Some(slowest) = slowest {
        let _ = writeln!(text, "slowest `esferry status` while it copies: {} ms", slowest.as_millis());
    }
    text
}

fn each(costs: &[Cost], figure: impl Fn(&Cost) -> Option<f64>, digits: usize) -> String {
    let figures: Vec<String> =
        costs.iter().filter_map(figure).map(|figure| format!("{figure:.digits$}")).collect();
    figures.join(", ")
}

fn best(results: &[(Contestant, Vec<Cost>)], wanted: impl Fn(Contestant) -> bool) -> Option<Duration> {
    let wanted = results.iter().filter(|(contestant, _)| wanted(*contestant));
    wanted.flat_map(|(_, costs)| costs.iter().map(|cost| cost.wall)).min()
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64().max(f64::EPSILON)
}

/// Whole megabytes are exact enough, and small enough for the conversion.
fn megabytes(bytes: u64) -> f64 {
    u32::try_from(bytes / 1_000_000).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_to_the_best_peer() {
        let cost = |seconds| Cost {
            wall: Duration::from_secs(seconds),
            cpu: Some(Duration::from_millis(800)),
            memory: Some(50_000_000),
            slowest_status: Some(Duration::from_millis(12)),
            planning: Some(Duration::from_millis(300)),
        };
        let results = [
            (Contestant::Reindex, vec![cost(20), cost(22)]),
            (Contestant::Python, vec![cost(30), cost(25)]),
            (Contestant::Esferry, vec![cost(11), cost(10)]),
            (Contestant::VerifyContent, vec![cost(6), cost(5)]),
        ];
        let text = render(&results, 7);
        assert!(text.contains("| **esferry** | 11.0, 10.0 | 0.80, 0.80 | 50, 50 |"), "{text}");
        assert!(text.contains("best peer (wall, best rounds): 0.50"), "{text}");
        assert!(text.contains("planning, of the time: 0.30 s (2.7 %), 0.30 s (3.0 %)"), "{text}");
        assert!(text.contains("verify --level content: 2.00 times"), "{text}");
        assert!(text.contains("while it copies: 12 ms"), "{text}");
    }
}
