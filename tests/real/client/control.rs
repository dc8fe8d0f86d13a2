//! The control socket, and two daemons on one state directory.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use esferry_lab::{Gate, Proxy, Rule};

use super::{fails, ferry, loaded, same, urls};
use crate::scene::{PATIENCE, phase, tally};
use crate::sides::number;

#[tokio::test]
async fn the_socket_answers_while_copying_is_private_and_survives_a_kill() {
    if !esferry_lab::wanted("control socket, stale socket, two daemons") {
        return;
    }
    let sides = loaded("clientcontrol", 3000).await.unwrap();
    let source = Proxy::start(sides.old.url()).unwrap();
    let daemon = ferry(&sides, &urls(&[&source.url()]), &urls(&[sides.new.url()])).unwrap();
    let socket = daemon.state_dir().join("control.sock");
    let gate = Gate::new();
    source.rule(Rule::on_pages().skip(7).hold(&gate));
    let running = daemon.start(&[]).unwrap();
    assert!(gate.wait_held(2, PATIENCE), "{}", daemon.log());

    let status = daemon.status().unwrap();
    assert_eq!(number(&status, "/daemon/pid"), u64::from(running.pid()), "{status:#}");
    assert_eq!(phase(&status["migrations"][0]), "copying", "{status:#}");
    assert_eq!(tally(&status["migrations"][0], "running"), 2, "{status:#}");
    let about = std::fs::metadata(&socket).unwrap();
    assert!(about.file_type().is_socket());
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(daemon.state_dir()).unwrap().permissions().mode() & 0o777, 0o700);

    let pid = running.pid().to_string();
    fails(&daemon, &["run", "--once"], 3, &["error[locked]", &pid, "hint:", "esferry status"]).unwrap();
    fails(&daemon, &["run"], 3, &["error[locked]", &pid]).unwrap();
    let again = daemon.status().unwrap();
    assert_eq!(again["daemon"], status["daemon"], "the second daemon disturbed the first");

    running.kill_nine().unwrap();
    assert!(socket.exists());
    let status = daemon.status().unwrap();
    assert!(status["daemon"].is_null(), "{status:#}");
    assert_eq!(phase(&status["migrations"][0]), "copying", "{status:#}");

    gate.release();
    source.clear_rules();
    let mut running = daemon.start(&[]).unwrap();
    daemon.until(PATIENCE, |status| phase(status) == "ready").unwrap();
    let status = daemon.status().unwrap();
    assert_eq!(number(&status, "/daemon/pid"), u64::from(running.pid()), "{status:#}");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    running.terminate().unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", daemon.log());
    assert!(!socket.exists());
    same(&sides, 3000).await.unwrap();
}
