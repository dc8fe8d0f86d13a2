//! `write.bulks`: how many bulk requests may be in flight, as a number, as bounds, or `"auto"`.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// Bulk requests in flight: between these, as many as the target takes well. Equal ones leave nothing to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bulks {
    /// At least so many, however the target suffers.
    pub min: usize,
    /// At most so many, however well it does.
    pub max: usize,
}

impl Bulks {
    /// `"auto"`.
    pub const AUTO: Bulks = Bulks { min: 1, max: 16 };

    /// Exactly so many.
    #[must_use]
    pub fn fixed(bulks: usize) -> Self {
        Bulks { min: bulks, max: bulks }
    }
}

impl fmt::Display for Bulks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "{}", self.min)
        } else {
            write!(f, "{} to {}", self.min, self.max)
        }
    }
}

/// Both have to be given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    min: usize,
    max: usize,
}

impl<'de> Deserialize<'de> for Bulks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrBounds;
        impl<'de> Visitor<'de> for NumberOrBounds {
            type Value = Bulks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"auto\", a number, or bounds such as { min = 2, max = 8 }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bulks, E> {
                if text == "auto" {
                    Ok(Bulks::AUTO)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(text), &self))
                }
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Bulks, E> {
                let bulks = usize::try_from(number);
                bulks.map(Bulks::fixed).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Bulks, A::Error> {
                let Table { min, max } = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Bulks { min, max })
            }
        }
        deserializer.deserialize_any(NumberOrBounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Bulks, String> {
        #[derive(Debug, Deserialize)]
        struct Holder {
            bulks: Bulks,
        }
        toml::from_str::<Holder>(&format!("bulks = {text}"))
            .map(|held| held.bulks)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_word_a_number_or_bounds_say_how_many() {
        assert_eq!(read("\"auto\""), Ok(Bulks::AUTO));
        assert_eq!(read("6"), Ok(Bulks::fixed(6)));
        assert_eq!(read("{ min = 2, max = 8 }"), Ok(Bulks { min: 2, max: 8 }));
        assert_eq!(Bulks::AUTO.to_string(), "1 to 16");
        assert_eq!(Bulks::fixed(6).to_string(), "6");
    }

    #[test]
    fn anything_else_is_refused_with_what_there_is() {
        let expected = "expected \"auto\", a number, or bounds such as { min = 2, max = 8 }";
        assert_eq!(read("\"many\"").unwrap_err(), format!("invalid value: string \"many\", {expected}"));
        assert_eq!(read("-1").unwrap_err(), format!("invalid value: integer `-1`, {expected}"));
        assert_eq!(read("true").unwrap_err(), format!("invalid type: boolean `true`, {expected}"));
        assert_eq!(read("{ min = 2 }").unwrap_err(), "missing field `max`");
        assert!(read("{ min = 2, most = 8 }").unwrap_err().contains("unknown field `most`"));
    }
}
