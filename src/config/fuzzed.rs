//! What has to hold for any text of a configuration: it is read the same way twice, or refused with a place, and no
//! password is ever repeated.

use super::load::parse;

/// The password of the seeds.
const PASSWORD: &str = "zoraki7";

/// # Panics
/// When it does not hold.
pub fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(text, "fuzzed.toml") {
        Ok(config) => {
            let again = parse(text, "fuzzed.toml").expect("it was right a moment ago");
            assert!(config.migrations.keys().eq(again.migrations.keys()));
            for (name, migration) in &config.migrations {
                assert!(migration.fingerprint().drift(&again.migrations[name].fingerprint().0).is_empty());
            }
            assert!(!format!("{config:?}").contains(PASSWORD));
        }
        Err(error) => {
            let told = format!("{} {}", error.one_line(), error.remedy().unwrap_or_default());
            assert!(told.contains("fuzzed.toml"), "no place: {told}");
            assert!(!told.contains(PASSWORD), "{told}");
        }
    }
}
