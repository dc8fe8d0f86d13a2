//! `schema`: where the target's mapping comes from, as it is written in the file and on the command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::Schema;

const WORDS: [&str; 2] = ["convert", "existing"];

impl FromStr for Schema {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", "")) => Err("`file:` lacks the path of a create-index body".to_owned()),
            Some(("file", path)) => Ok(Schema::File(PathBuf::from(path))),
            _ => match text {
                "convert" => Ok(Schema::Convert),
                "existing" => Ok(Schema::Existing),
                // The words of serde, so that the nearest one is suggested in the same way as for other values.
                other => Err(format!(
                    "unknown variant `{other}`, expected `{}`, `{}` or `file:PATH`",
                    WORDS[0], WORDS[1]
                )),
            },
        }
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schema::Convert => f.write_str(WORDS[0]),
            Schema::Existing => f.write_str(WORDS[1]),
            Schema::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Schema;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"convert\", \"existing\" or \"file:PATH\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Schema, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_read_back_as_written() {
        for text in ["convert", "existing", "file:bodies/alerts.json", "file:/etc/a:b.json"] {
            assert_eq!(text.parse::<Schema>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "Convert", "file:", "file", "same", "files:x"] {
            assert!(text.parse::<Schema>().is_err(), "{text:?}");
        }
    }
}
