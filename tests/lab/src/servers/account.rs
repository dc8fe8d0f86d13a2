//! The user that servers run as: ourselves, or for root an account that may do nothing else.

use super::process;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;

const SYSTEM_USER: &str = "esferry-lab";

/// Who runs the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// The user that runs the lab.
    Caller,
    /// Another user, dropped to because the lab runs as root and servers refuse root.
    Other {
        /// Its name.
        name: String,
        /// Its user id.
        uid: u32,
        /// Its group id.
        gid: u32,
    },
}

impl Account {
    /// The caller itself, unless it is root: then the system user `esferry-lab`, created when absent.
    pub fn resolve() -> Result<Account> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Account::Caller);
        }
        if let Some(known) = lookup(SYSTEM_USER)? {
            return Ok(known);
        }
        let created = Command::new("useradd")
            .args([
                "--system",
                "--user-group",
                "--no-create-home",
                "--shell",
                "/usr/sbin/nologin",
                SYSTEM_USER,
            ])
            .output();
        if let Some(known) = lookup(SYSTEM_USER)? {
            return Ok(known);
        }
        match lookup("nobody")? {
            Some(nobody) => Ok(nobody),
            None => bail!("no user to run servers as: useradd gave {created:?} and there is no user nobody"),
        }
    }

    /// A command that runs `program` as this user in a session of its own, so that its pid is the server's.
    ///
    /// With `dies_with_us` the kernel kills it when the thread that starts it ends.
    pub fn command(&self, program: &Path, dies_with_us: bool) -> Command {
        let mut command = Command::new("setsid");
        if *self != Account::Caller || dies_with_us {
            command.arg("setpriv");
        }
        if dies_with_us {
            command.args(["--pdeathsig", "KILL"]);
        }
        if let Account::Other { uid, gid, .. } = self {
            command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
        }
        command.arg(program);
        command
    }

    /// Gives `path` and all below it to this user.
    pub fn give(&self, path: &Path) -> Result<()> {
        let Account::Other { uid, gid, .. } = self else { return Ok(()) };
        give_tree(path, *uid, *gid)
    }
}

fn give_tree(path: &Path, uid: u32, gid: u32) -> Result<()> {
    std::os::unix::fs::lchown(path, Some(uid), Some(gid))
        .with_context(|| format!("cannot give {} to uid {uid}", path.display()))?;
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
            give_tree(&entry?.path(), uid, gid)?;
        }
    }
    Ok(())
}

fn lookup(name: &str) -> Result<Option<Account>> {
    let id = |flag: &str| -> Result<Option<u32>> {
        match process::output(Command::new("id").args([flag, name])) {
            Ok(text) => {
                Ok(Some(text.trim().parse().with_context(|| format!("id {flag} {name} printed {text:?}"))?))
            }
            Err(_) => Ok(None),
        }
    };
    Ok(match (id("-u")?, id("-g")?) {
        (Some(uid), Some(gid)) => Some(Account::Other { name: name.to_owned(), uid, gid }),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_another_user_drops_its_groups() {
        let other = Account::Other { name: "x".into(), uid: 7, gid: 8 };
        let command = other.command(Path::new("/bin/true"), true);
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        assert_eq!(
            args,
            ["setpriv", "--pdeathsig", "KILL", "--reuid=7", "--regid=8", "--clear-groups", "/bin/true"]
        );
    }

    #[test]
    fn the_caller_needs_no_setpriv() {
        let command = Account::Caller.command(Path::new("/bin/true"), false);
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["/bin/true"]);
    }

    #[test]
    fn an_unknown_user_is_none() {
        assert_eq!(lookup("no-such-user-here").unwrap(), None);
    }
}
