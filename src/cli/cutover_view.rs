//! Gates, steps and recovery plans as people read them.

use std::fmt::Write as _;

use crate::cutover::gates::{Gate, Gates};
use crate::cutover::hooks::HookAnswer;
use crate::engine::cutover::DryRun;
use crate::engine::cutover::recovery::RecoveryPlan;
use crate::engine::cutover::report::without_writes;
use crate::store::cutover::{AliasMove, CutoverRecord, Ended, Taken, Way};

use super::Paint;

/// What a switch would find and do.
pub fn dry_run(name: &str, found: &DryRun, paint: Paint) -> String {
    let mut text = format!("{}  gates\n", paint.bold(name));
    for gate in &found.gates.gates {
        for line in gate_lines(gate, paint) {
            let _ = writeln!(text, "{line}");
        }
    }
    match (&found.refused, &found.alias) {
        (Some(refused), _) => {
            let _ = writeln!(text, "{}", paint.red(&format!("refused: {refused}")));
        }
        (None, Some(moving)) => {
            let _ = writeln!(text, "alias: {}", of_alias(moving));
        }
        (None, None) => text.push_str("alias: none; the front end moves by the hook `after`\n"),
    }
    let shut = found.gates.shut().len();
    let verdict = match (shut, &found.refused) {
        (0, None) => paint.green(&format!("`esferry cutover {name}` would begin now")),
        (_, Some(_)) => paint.red("nothing would begin"),
        (shut, None) => paint.yellow(&format!("nothing would begin: {shut} gates are shut")),
    };
    let _ = writeln!(text, "{verdict}");
    text
}

/// A gate with its value and its limit, and what can be done about it.
pub fn gate_lines(gate: &Gate, paint: Paint) -> Vec<String> {
    let state = match (gate.open, gate.forced.is_some()) {
        (true, _) => paint.green("open  "),
        (false, true) => paint.yellow("forced"),
        (false, false) => paint.red("SHUT  "),
    };
    let mut lines = vec![format!("  {:9}  {state}  {}  (has to be: {})", gate.name, gate.value, gate.limit)];
    lines.extend(gate.hint.as_ref().filter(|_| !gate.passes()).map(|hint| format!("             {hint}")));
    lines
}

fn of_alias(moving: &AliasMove) -> String {
    let mut told = format!("`{}` will lead to {}", moving.alias, moving.adds.join(", "));
    if !moving.removes.is_empty() {
        let _ = write!(told, ", and no more to {}", moving.removes.join(", "));
    }
    if let Some(deleted) = &moving.deletes {
        let _ = write!(told, "; index `{}` ({} documents) is DELETED for it", deleted.name, deleted.docs);
    }
    told
}

/// A line of the status: the gates.
pub fn gates_line(gates: &Gates, paint: Paint) -> String {
    let shut = gates.shut();
    if shut.is_empty() {
        return paint.green("gates: all open");
    }
    let told: Vec<String> = shut.iter().map(|gate| format!("{} ({})", gate.name, gate.value)).collect();
    paint.yellow(&format!("gates shut: {}", told.join(", ")))
}

/// A line of the status: the switch.
pub fn line(record: &CutoverRecord, paint: Paint) -> String {
    let kind = if record.rehearsal { "rehearsal" } else { "switch" };
    match record.ended {
        None => {
            let way = if record.way == Way::Forward { "on its way" } else { "on the way back" };
            paint.yellow(&format!("{kind} {} {way}: {}", record.number, record.step))
        }
        Some(Ended::Switched(at)) => {
            let fed = match record.keeps_fed.as_slice() {
                [] => "nothing keeps the old side fed".to_owned(),
                fed => format!("keeps the old side fed: {}", fed.join(", ")),
            };
            let at = at.strftime("%Y-%m-%d %H:%M:%S");
            let writes = without_writes(record).to_lowercase();
            paint.green(&format!("switched over {at}; {writes}; {fed}"))
        }
        Some(Ended::RolledBack(at)) => {
            let because = record.because.as_deref().unwrap_or("asked for");
            format!("{kind} {} back {}: {because}", record.number, at.strftime("%Y-%m-%d %H:%M:%S"))
        }
    }
}

/// A step that was taken.
pub fn taken(taken: &Taken, paint: Paint) -> String {
    format!("  {} {:24} {} ms", paint.green("done"), taken.step, taken.took_ms)
}

/// What a hook answered.
pub fn answer(answer: &HookAnswer, paint: Paint) -> String {
    let ended = if answer.succeeded { paint.green(&answer.ended) } else { paint.red(&answer.ended) };
    let said = match answer.answer.as_str() {
        "" => String::new(),
        said => format!(": {}", said.replace('\n', "\n       ")),
    };
    format!("  hook `{}`: {ended} after {} ms{said}", answer.hook, answer.took_ms)
}

/// How a switch ended.
pub fn ended(name: &str, record: &CutoverRecord, paint: Paint) -> String {
    let mut text = String::new();
    let took: u64 = record.taken.iter().map(|taken| taken.took_ms).sum();
    match record.ended {
        Some(Ended::Switched(_)) => {
            let _ = writeln!(text, "{}", paint.green(&format!("`{name}` is switched over, in {took} ms")));
            if let Some(moving) = &record.alias {
                let _ = writeln!(text, "alias `{}` leads to {}", moving.alias, moving.adds.join(", "));
            }
            let _ = writeln!(text, "{}", without_writes(record).to_lowercase());
            feeds(&mut text, &record.keeps_fed, &record.does_not);
            let _ = writeln!(
                text,
                "the old side stays usable until `esferry complete {name}`; `esferry recovery {name}` prints the way back"
            );
        }
        Some(Ended::RolledBack(_)) if record.was_a_whole_rehearsal() => {
            let _ = writeln!(
                text,
                "{}",
                paint.green(&format!("the rehearsal of `{name}` went there and back, in {took} ms"))
            );
            let left = if record.hooks { "the write block" } else { "hooks and the write block" };
            let _ = writeln!(text, "left out: {left}");
            let shut: Vec<String> = record
                .gates
                .iter()
                .filter(|gate| !gate.passes())
                .map(|gate| format!("{} ({})", gate.name, gate.value))
                .collect();
            if !shut.is_empty() {
                let _ = writeln!(
                    text,
                    "{}",
                    paint.yellow(&format!("gates that would stop it: {}", shut.join(", ")))
                );
            }
        }
        Some(Ended::RolledBack(_)) => {
            let _ = writeln!(text, "{}", paint.yellow(&format!("`{name}` is back where it was")));
            let _ = writeln!(text, "{}", without_writes(record).to_lowercase());
        }
        None => {
            let _ = writeln!(text, "{}", line(record, paint));
        }
    }
    for left in &record.left {
        let _ = writeln!(text, "{}", paint.red(&format!("NOT UNDONE: {left}")));
    }
    text
}

/// The recovery plan.
pub fn recovery(plan: &RecoveryPlan, paint: Paint) -> String {
    let mut text =
        format!("{}  {}: users are served by {}\n", paint.bold(&plan.migration), plan.phase, plan.serves);
    for (number, step) in plan.steps.iter().enumerate() {
        let _ = writeln!(text, "  {}. {}", number + 1, step.what);
        if let Some(command) = &step.command {
            let _ = writeln!(text, "       {}", paint.bold(command));
        }
        if let Some(expected) = &step.expected {
            let _ = writeln!(text, "       takes: {expected}");
        }
    }
    let _ = writeln!(text, "lost by it: {}", plan.lost);
    feeds(&mut text, &plan.keeps_fed, &plan.does_not);
    text
}

fn feeds(text: &mut String, keeps_fed: &[String], does_not: &[String]) {
    for fed in keeps_fed {
        let _ = writeln!(text, "keeps the old side fed: {fed}");
    }
    for not in does_not {
        let _ = writeln!(text, "does not reach the old side: {not}");
    }
}

#[cfg(test)]
mod tests;
