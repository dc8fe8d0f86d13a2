//! Scripts: the form is rewritten, the language is not.

use serde_json::{Value, json};

use super::options::Options;
use super::rules::{Refusal, SCRIPT_FILE, SCRIPT_FORM, SCRIPT_LANGUAGE, SCRIPT_STORED};
use super::{Rewriter, below};

/// Languages that the target runs.
const LANGUAGES: [&str; 2] = ["painless", "expression"];

impl Rewriter<'_> {
    /// The script of an object: `script` as text or object, `script_id`, `script_file`, and beside it `params` and
    /// `lang`, become one object under `script`. Without any of them nothing happens. False when it is refused.
    pub(super) fn script(&mut self, options: &mut Options, at: &str) -> bool {
        let at = below(at, "script");
        let before: Options = ["script", "script_id", "script_file", "params", "lang"]
            .iter()
            .filter_map(|key| options.get_key_value(*key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let mut script = match (options.get("script"), options.get("script_id"), options.get("script_file")) {
            (_, _, Some(_)) => return self.script_refused(&SCRIPT_FILE, &at),
            (Some(Value::String(text)), _, _) => Options::from_iter([("source".to_owned(), json!(text))]),
            (Some(Value::Object(script)), _, _) => script.clone(),
            (None, Some(id), _) => Options::from_iter([("id".to_owned(), id.clone())]),
            _ => return true,
        };
        for (old, new) in [("inline", "source"), ("stored", "id")] {
            if let Some(value) = script.shift_remove(old) {
                script.insert(new.to_owned(), value);
            }
        }
        if script.contains_key("file") {
            return self.script_refused(&SCRIPT_FILE, &at);
        }
        for key in ["lang", "params"] {
            if let Some(value) = options.get(key) {
                script.entry(key).or_insert_with(|| value.clone());
            }
        }
        let stored = script.contains_key("id");
        if !stored && !self.runs(&script, &at) {
            return false;
        }
        if stored {
            script.shift_remove("lang");
        }
        self.only_known(&mut script, &["source", "id", "lang", "params", "options"], "script", &at);
        for key in ["script_id", "params", "lang"] {
            options.shift_remove(key);
        }
        let script = Value::Object(script);
        if options.insert("script".to_owned(), script.clone()).as_ref() != Some(&script) || before.len() > 1 {
            let rule = if stored { &SCRIPT_STORED } else { &SCRIPT_FORM };
            self.change(rule, &at, Some(Value::Object(before)), Some(json!({"script": script})));
        }
        true
    }

    fn script_refused(&mut self, refusal: &Refusal, at: &str) -> bool {
        self.refuse(refusal, at);
        false
    }

    fn runs(&mut self, script: &Options, at: &str) -> bool {
        // Since 1.4 a script without a language is groovy, since 5.0 painless; before 1.4 it was mvel.
        let default = if self.context.from.major < 5 { "groovy" } else { "painless" };
        let language = script.get("lang").and_then(Value::as_str).unwrap_or(default);
        if LANGUAGES.contains(&language) {
            return true;
        }
        let why =
            format!("the script is written in {language}; {} runs painless and expressions", self.context.to);
        self.refuse_because(&SCRIPT_LANGUAGE, at, why);
        false
    }
}
