//! Working hours, `22:00-06:00`, by the clock of the machine that esferry runs on.

use std::fmt;

use jiff::civil::Time;
use serde::de::{Deserialize, Deserializer, Error as _};

/// A part of every day: from a time of the clock up to, and without, another; over midnight where that comes first.
///
/// The clock is the machine's own, in its time zone, as for cron: whoever writes `22:00` means the night there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    from: Time,
    to: Time,
}

impl Hours {
    /// Whether a time of the clock lies in it.
    #[must_use]
    pub fn contains(&self, time: Time) -> bool {
        if self.from < self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from.strftime("%H:%M"), self.to.strftime("%H:%M"))
    }
}

impl std::str::FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = |text: &str| Time::strptime("%H:%M", text).ok();
        match text.split_once('-').and_then(|(from, to)| Some((time(from)?, time(to)?))) {
            Some((from, to)) if from == to => {
                Err(format!("{text:?} is no time at all; leave `hours` out for the whole day"))
            }
            Some((from, to)) => Ok(Hours { from, to }),
            None => Err(format!("{text:?} is not a part of the day such as \"22:00-06:00\"")),
        }
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_night_goes_over_midnight_and_a_day_does_not() {
        let night: Hours = "22:00-06:00".parse().unwrap();
        let within = [time(22, 0, 0, 0), time(23, 59, 59, 0), time(0, 0, 0, 0), time(5, 59, 59, 0)];
        let outside = [time(6, 0, 0, 0), time(12, 0, 0, 0), time(21, 59, 59, 0)];
        assert!(within.iter().all(|time| night.contains(*time)));
        assert!(!outside.iter().any(|time| night.contains(*time)));
        let day: Hours = "08:30-17:00".parse().unwrap();
        assert!(day.contains(time(8, 30, 0, 0)) && day.contains(time(16, 59, 0, 0)));
        assert!(!day.contains(time(8, 29, 0, 0)) && !day.contains(time(17, 0, 0, 0)));
        assert_eq!(day.to_string(), "08:30-17:00");
    }

    proptest! {
        #[test]
        fn every_time_lies_in_a_part_of_the_day_or_in_the_rest_of_it(
            hours in proptest::array::uniform3(0_i8..24),
            minutes in proptest::array::uniform3(0_i8..60),
        ) {
            let [from, to, at] = [0, 1, 2].map(|n| time(hours[n], minutes[n], 0, 0));
            prop_assume!(from != to);
            let (part, rest) = (Hours { from, to }, Hours { from: to, to: from });
            prop_assert_ne!(part.contains(at), rest.contains(at));
            prop_assert_eq!(part.to_string().parse::<Hours>(), Ok(part));
        }
    }

    #[test]
    fn what_is_no_part_of_the_day_is_refused() {
        for text in ["22:00", "22-06", "22:00-24:00", "22:00 - 06:00", "", "10:00-10:00"] {
            assert!(text.parse::<Hours>().is_err(), "{text}");
        }
    }
}
