//! Whether the tests that need real servers are to run, said aloud when they are not.

use std::io::Write;

/// True when `ESFERRY_LAB=1`, as `scripts/test` sets it; otherwise the group is named on stderr.
///
/// What tests print is hidden while they pass, so this writes past the test runner.
///
/// ```
/// # fn a_test() {
/// if !esferry_lab::wanted("a node killed in the middle of a scan") {
///     return;
/// }
/// # }
/// ```
pub fn wanted(group: &str) -> bool {
    let wanted = std::env::var_os("ESFERRY_LAB").is_some_and(|value| value == "1");
    if !wanted {
        // a closed stderr is no reason to fail
        let _ = writeln!(
            std::io::stderr(),
            "NOT RUN: {group}: needs real servers (scripts/test, or ESFERRY_LAB=1)"
        );
    }
    wanted
}
