//! Every example of `docs/transforms.md` is run: steps in TOML, a document, and what becomes of it.

use super::pretty;
use super::tests::{apply, steps};

#[test]
fn every_documented_example_does_what_it_says() {
    let page = include_str!("../../docs/transforms.md");
    let mut blocks: Vec<(&str, &str)> = Vec::new();
    for fenced in page.split("```").skip(1).step_by(2) {
        blocks.push(fenced.split_once('\n').unwrap());
    }
    let mut examples = 0;
    for three in blocks.windows(3) {
        let [("toml", line), ("json", before), (kind, after)] = three else { continue };
        examples += 1;
        let made = apply(&steps(&[line]), before).unwrap_or_else(|error| format!("failed: {error}"));
        if *kind == "json" {
            assert_eq!(pretty(made.as_bytes()), pretty(after.as_bytes()), "{line}");
        } else {
            assert_eq!(made, after.trim_end(), "{line}");
        }
    }
    assert_eq!(examples, 16, "an example has lost its form");
}
