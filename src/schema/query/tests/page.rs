//! The tables of `docs/queries.md` are the rules themselves.

use std::path::Path;

use super::super::rules::{self, Refusal, Rule};

fn versions(rule: &Rule) -> String {
    match rule.sources {
        (first, last) if first == last => format!("{first}.x"),
        (first, 9) => format!("{first}.x on"),
        (first, last) => format!("{first}.x to {last}.x"),
    }
}

fn rule_row(rule: &Rule) -> String {
    let Rule { name, what, becomes, why, .. } = rule;
    format!("| `{name}` | {} | {what} | {becomes} | {why} | {} |\n", versions(rule), rule.severity.as_str())
}

fn refusal_row(refusal: &Refusal) -> String {
    let Refusal { name, what, why, choices } = refusal;
    format!("| `{name}` | {what} | {why} | {} |\n", choices.join("; "))
}

fn tables() -> [(&'static str, String); 2] {
    let rows: String = rules::all().map(rule_row).collect();
    let reasons: String = rules::refusals().iter().map(|refusal| refusal_row(refusal)).collect();
    [
        (
            "rules",
            format!(
                "| rule | written for | old | new | why | meaning |\n| --- | --- | --- | --- | --- | --- |\n{rows}"
            ),
        ),
        ("refusals", format!("| reason | what | why | instead |\n| --- | --- | --- | --- |\n{reasons}")),
    ]
}

#[test]
fn the_page_about_queries_holds_every_rule_and_every_refusal() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/queries.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let mut current = page.clone();
    for (name, table) in tables() {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let start = current.find(&begin).unwrap() + begin.len();
        let stop = current.find(&end).unwrap();
        current.replace_range(start..stop, &table);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, current).unwrap();
        return;
    }
    assert!(
        page == current,
        "docs/queries.md is not what the rules say: UPDATE_DOCS=1 cargo test --lib page"
    );
}
