//! A hook that is a program: run in a process group of its own, so that nothing of it outlives its time.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::{HookCall, Ran, Redaction};
use crate::config::CommandHook;

/// What is kept of the output while it runs.
const MOST: usize = 64 * 1024;
/// Between the polite signal and the other one.
const GRACE: Duration = Duration::from_secs(2);
/// For what is still in the pipes when the program has ended; one of its children may hold them open for ever.
const DRAIN: Duration = Duration::from_millis(500);

/// Kills the group unless the program has ended by itself.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // Gone already is just as well.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

pub(super) async fn run(hook: &CommandHook, call: &HookCall, redaction: &Redaction) -> Ran {
    let failed = |ended: String| Ran { attempts: 1, ended, succeeded: false, output: Vec::new() };
    let Some((program, arguments)) = hook.command.split_first() else {
        return failed("no program".to_owned());
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    // Secrets of the clusters are none of a hook's business.
    for variable in redaction.variables() {
        command.env_remove(variable);
    }
    command.envs(environment(call));
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return failed(format!("{program} cannot be run: {error}")),
    };
    let mut group = Group(child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)));
    let output = Arc::new(Mutex::new(Vec::new()));
    let readers = readers(&mut child, &output);
    let ended = match tokio::time::timeout(hook.timeout.0, child.wait()).await {
        Ok(ended) => {
            // What it has started on purpose may go on.
            group.0 = None;
            Some(ended)
        }
        Err(_) => {
            group.signal(Signal::TERM);
            let _ = tokio::time::timeout(GRACE, child.wait()).await;
            drop(group);
            None
        }
    };
    for mut reader in readers {
        if tokio::time::timeout(DRAIN, &mut reader).await.is_err() {
            reader.abort();
        }
    }
    let output = std::mem::take(&mut *output.lock().unwrap_or_else(PoisonError::into_inner));
    let (ended, succeeded) = match ended {
        Some(Ok(status)) => (in_words(status), status.success()),
        Some(Err(error)) => (format!("its end is not known: {error}"), false),
        None => (format!("killed after {}", hook.timeout), false),
    };
    Ran { attempts: 1, ended, succeeded, output }
}

pub(super) fn environment(call: &HookCall) -> [(&'static str, String); 9] {
    [
        ("ESFERRY_HOOK", call.hook.to_string()),
        ("ESFERRY_MIGRATION", call.migration.clone()),
        ("ESFERRY_ALIAS", call.alias.clone().unwrap_or_default()),
        ("ESFERRY_INDICES", call.indices.join(",")),
        ("ESFERRY_SOURCE_CLUSTER", call.source.cluster.clone()),
        ("ESFERRY_SOURCE_URLS", call.source.urls.join(",")),
        ("ESFERRY_TARGET_CLUSTER", call.target.cluster.clone()),
        ("ESFERRY_TARGET_URLS", call.target.urls.join(",")),
        ("ESFERRY_REHEARSAL", if call.rehearsal { "1" } else { "0" }.to_owned()),
    ]
}

fn readers(child: &mut Child, output: &Arc<Mutex<Vec<u8>>>) -> Vec<JoinHandle<()>> {
    let stdout = child.stdout.take().map(|pipe| tokio::spawn(keep(pipe, output.clone())));
    let stderr = child.stderr.take().map(|pipe| tokio::spawn(keep(pipe, output.clone())));
    stdout.into_iter().chain(stderr).collect()
}

/// Reads to the end, however much comes, and keeps the beginning.
async fn keep(mut pipe: impl AsyncRead + Unpin, output: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 4096];
    while let Ok(read) = pipe.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST.saturating_sub(output.len()).min(read);
        output.extend_from_slice(&buffer[..room]);
    }
}

fn in_words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => status.to_string(),
    }
}
