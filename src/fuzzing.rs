//! What has to hold for any bytes from outside: what the targets in `fuzz/` call. Seeds and what once failed are
//! replayed by the usual tests.

pub use crate::changes::fuzzed::message;
pub use crate::config::fuzzed::configuration;
pub use crate::plan::fuzzed::uid_ranges;
pub use crate::sink::fuzzed::bulk_answer;
pub use crate::source::fuzzed::search_answer;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn replay(target: &str, holds: fn(&[u8])) {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
        let mut seen = 0;
        for seed in std::fs::read_dir(&seeds).unwrap() {
            let path = seed.unwrap().path();
            println!("{}", path.display());
            holds(&std::fs::read(path).unwrap());
            seen += 1;
        }
        assert!(seen >= 5, "{} holds {seen} seeds", seeds.display());
    }

    #[test]
    fn the_seeds_of_search_answers_hold() {
        replay("search_answer", search_answer);
    }

    #[test]
    fn the_seeds_of_bulk_answers_hold() {
        replay("bulk_answer", bulk_answer);
    }

    #[test]
    fn the_seeds_of_configurations_hold() {
        replay("configuration", configuration);
    }

    #[test]
    fn the_seeds_of_uid_ranges_hold() {
        replay("uid_ranges", uid_ranges);
    }

    #[test]
    fn the_seeds_of_messages_hold() {
        replay("message", message);
    }
}
