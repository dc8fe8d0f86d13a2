//! What hooks print may hold secrets: the configuration's, and what looks like one.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use regex::Regex;
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::{Auth, Config, Hook, Property, SecretRef};

/// What stands in a secret's place.
const GONE: &str = "[redacted]";
/// Shorter ones would take half of every text away.
const LEAST: usize = 4;

/// Credentials in URLs, headers and assignments. The words are those of the field; a pattern that cannot be compiled is
/// caught by the tests.
static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let patterns = [
        (r"//[^/@\s:]+:[^/@\s]*@", "//[redacted]@"),
        (
            r#"(?i)(authorization["']?\s*[:=]\s*["']?)(?:(basic|bearer|apikey|digest)\s+)?[^\s"',;]+"#,
            "$1$2 [redacted]",
        ),
        (
            r#"(?i)((?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key)["']?\s*[:=]\s*["']?)[^\s"',;&]+"#,
            "$1[redacted]",
        ),
    ];
    patterns.into_iter().filter_map(|(pattern, to)| Some((Regex::new(pattern).ok()?, to))).collect()
});

/// What is never printed.
#[derive(Default)]
pub struct Redaction {
    secrets: Vec<SecretString>,
    variables: BTreeSet<String>,
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redaction({} secrets)", self.secrets.len())
    }
}

impl Redaction {
    /// Every secret that the configuration refers to and that can be read now.
    #[must_use]
    pub fn of(config: &Config) -> Redaction {
        let mut redaction = Redaction::default();
        for cluster in config.clusters.values() {
            cluster.auth.iter().for_each(|auth| redaction.hide(auth));
        }
        for migration in config.migrations.values() {
            for (_, hook) in migration.cutover.hooks.all() {
                if let Hook::Http(hook) = hook {
                    hook.auth.iter().for_each(|auth| redaction.hide(auth));
                }
            }
            let properties = migration.changes.kafka.iter().flat_map(|kafka| kafka.properties.values());
            for property in properties {
                if let Property::Secret(secret) = property {
                    redaction.hide_one(secret);
                }
            }
        }
        // A secret that holds another one goes first.
        redaction.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        redaction
    }

    /// Environment variables that hold secrets.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(String::as_str)
    }

    fn hide(&mut self, auth: &Auth) {
        match auth {
            Auth::Basic { username, password } => {
                self.hide_one(password);
                if let Ok(secret) = password.read() {
                    let pair = format!("{username}:{}", secret.expose_secret());
                    self.secrets.push(BASE64_STANDARD.encode(pair).into());
                }
            }
            Auth::ApiKey(secret) | Auth::Bearer(secret) => self.hide_one(secret),
        }
    }

    fn hide_one(&mut self, secret: &SecretRef) {
        if let SecretRef::Env(name) = secret {
            self.variables.insert(name.clone());
        }
        if let Ok(secret) = secret.read()
            && secret.expose_secret().len() >= LEAST
        {
            self.secrets.push(secret);
        }
    }

    /// The text without secrets.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret.expose_secret(), GONE);
        }
        for (pattern, to) in PATTERNS.iter() {
            text = pattern.replace_all(&text, *to).into_owned();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(secrets: &[&str]) -> Redaction {
        let secrets = secrets.iter().map(|secret| SecretString::from((*secret).to_owned())).collect();
        Redaction { secrets, variables: BTreeSet::new() }
    }

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(PATTERNS.len(), 3);
    }

    #[test]
    fn what_looks_like_a_secret_goes() {
        let shown = |text: &str| of(&[]).redact(text);
        assert_eq!(shown("GET http://anna:hunter2@es:9200/x"), "GET http://[redacted]@es:9200/x");
        assert_eq!(shown("Authorization: Basic YTpi, ok"), "Authorization: Basic [redacted], ok");
        assert_eq!(shown("\"api_key\": \"abc\""), "\"api_key\": \"[redacted]\"");
        assert_eq!(shown("PASSWORD=hunter2 token: xyz"), "PASSWORD=[redacted] token: [redacted]");
        assert_eq!(
            shown("switched 3 of 3 servers at http://es:9200"),
            "switched 3 of 3 servers at http://es:9200"
        );
    }

    proptest! {
        #[test]
        fn a_known_secret_never_stays(secret in "[ -~]{4,20}", before in "\\PC*", after in "\\PC*") {
            prop_assume!(!GONE.contains(&secret) && !before.contains(&secret) && !after.contains(&secret));
            let text = format!("{before}\n{secret}\n{after}");
            let shown = of(&[&secret]).redact(&text);
            prop_assert!(!shown.contains(&format!("\n{secret}\n")), "{}", shown);
        }
    }
}
