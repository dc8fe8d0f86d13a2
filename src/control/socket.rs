//! The control socket as a file: made privately, put in place at once, taken away at the end.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use tokio::net::UnixListener;

use crate::error::{Error, Result};
use crate::store::socket_path;

/// Listens on the control socket of `state_dir`, for this user alone (mode 0600).
///
/// The caller holds the lock of the state directory, so whatever socket lies there is of a dead process and is
/// replaced. It is made in a private directory and renamed: at no moment can another user connect to it.
pub fn listen(state_dir: &Path) -> Result<UnixListener> {
    let path = socket_path(state_dir);
    let unusable = |error: io::Error| {
        Error::state("control_socket", format!("cannot listen on {}", path.display())).because(error).hint(
            "the state directory must be on a local file system and its path shorter than about 90 bytes; \
             give another with --state-dir",
        )
    };
    let nest = state_dir.join(".sock");
    let newborn = nest.join("c");
    remove(&newborn).map_err(unusable)?;
    match DirBuilder::new().mode(0o700).create(&nest) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(unusable(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&newborn).map_err(unusable)?;
    std::fs::set_permissions(&newborn, Permissions::from_mode(0o600)).map_err(unusable)?;
    std::fs::rename(&newborn, &path).map_err(unusable)?;
    std::fs::remove_dir(&nest).map_err(unusable)?;
    Ok(listener)
}

/// Takes the socket away.
pub fn close(state_dir: &Path) {
    if let Err(error) = remove(&socket_path(state_dir)) {
        tracing::warn!(%error, "control socket not removed");
    }
}

/// Whether somebody listens on the control socket of `state_dir`.
pub fn answers(state_dir: &Path) -> Result<bool> {
    let path = socket_path(state_dir);
    match UnixStream::connect(&path) {
        Ok(_) => Ok(true),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::InvalidInput => {
                Ok(false)
            }
            io::ErrorKind::PermissionDenied => {
                Err(Error::state("control_socket", format!("may not connect to {}", path.display()))
                    .because(error)
                    .hint("run this command as the user of the daemon, or as root"))
            }
            _ => Err(Error::state("control_socket", format!("cannot connect to {}", path.display()))
                .because(error)),
        },
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_nobody_else_may_connect() {
        let state = tempfile::tempdir().unwrap();
        assert!(!answers(state.path()).unwrap());
        drop(listen(state.path()).unwrap());
        assert!(socket_path(state.path()).exists() && !answers(state.path()).unwrap());
        let listener = listen(state.path()).unwrap();
        assert!(answers(state.path()).unwrap());
        let mode = std::fs::metadata(socket_path(state.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 1);
        close(state.path());
        drop(listener);
        assert!(!answers(state.path()).unwrap());
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_has_a_hint() {
        let state = tempfile::tempdir().unwrap();
        let long = state.path().join("x".repeat(120));
        std::fs::create_dir(&long).unwrap();
        let error = listen(&long).unwrap_err();
        assert_eq!(error.code(), "control_socket");
        assert!(error.remedy().unwrap().contains("shorter"));
        assert!(!answers(&long).unwrap());
    }
}
