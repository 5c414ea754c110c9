//! The one clock that everything asks, so that a test can hold it.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Reads the time from where the AWS clients read it: the SDK's time source.
#[derive(Clone, Debug)]
pub struct Clock(SharedTimeSource);

impl Clock {
    /// The clock of this SDK configuration; the system's where none is set.
    #[must_use]
    pub fn of(config: &SdkConfig) -> Self {
        Self(config.time_source().unwrap_or_default())
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from(self.0.now())
    }
}

/// A moment, in milliseconds since the epoch; printed as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment that many milliseconds after the epoch.
    #[must_use]
    pub const fn from_epoch_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn epoch_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn epoch_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment that many seconds after the epoch; none beyond the year 9999, which is what
    /// milliseconds in their place come to.
    #[must_use]
    pub fn from_epoch_seconds(seconds: f64) -> Option<Self> {
        let year_10000 = 253_402_300_800.0;
        if !(0.0..year_10000).contains(&seconds) {
            return None;
        }
        DateTime::from_secs_f64(seconds).to_millis().ok().map(Self)
    }

    /// Parses an RFC 3339 time, with any offset.
    ///
    /// # Errors
    /// `None` where the text is not such a time.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let time = DateTime::from_str(text, Format::DateTimeWithOffset).ok()?;
        time.to_millis().ok().map(Self)
    }

    /// How long after `earlier` this moment is; zero where it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<Timestamp> for DateTime {
    fn from(time: Timestamp) -> Self {
        Self::from_millis(time.0)
    }
}

/// Written as epoch milliseconds.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

/// Read as AWS writes times: a number of epoch seconds, or an RFC 3339 text.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a time: epoch seconds, or RFC 3339 such as `2026-11-20T06:00:00Z`";
        let value = Value::deserialize(deserializer)?;
        let time = match &value {
            Value::Number(seconds) => seconds.as_f64().and_then(Self::from_epoch_seconds),
            Value::String(text) => Self::parse(text),
            _ => None,
        };
        time.ok_or_else(|| D::Error::custom(format_args!("is {value}, expected {expected}")))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let millis = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()),
            Err(before) => i64::try_from(before.duration().as_millis()).map(|millis| -millis),
        };
        Self(millis.unwrap_or(i64::MAX))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_millis(self.0).fmt(Format::DateTime) {
            Ok(text) => f.write_str(&text),
            Err(_) => write!(f, "{} ms since the epoch", self.0),
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_an_offset_is_the_same_moment_in_utc() {
        let there = Timestamp::parse("2026-11-20T02:00:00+01:00").unwrap();
        assert_eq!(there.to_string(), "2026-11-20T01:00:00Z");
    }

    #[test]
    fn a_text_that_is_no_time_is_not_guessed_at() {
        for text in ["", "tomorrow", "2026-11-20", "2026-11-20 01:00:00Z", "1763600400"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_read_from_epoch_seconds_and_from_text_alike() {
        let read = |text| serde_json::from_str::<Timestamp>(text);
        let time = read(r#""2030-01-01T00:00:00.5Z""#).unwrap();
        assert_eq!(read("1893456000.5").unwrap(), time);
        assert_eq!(serde_json::to_string(&time).unwrap(), "1893456000500");
        for wrong in ["1893456000500", "-1", "true", r#""tomorrow""#] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("is {wrong}, expected a time")), "{error}");
        }
    }

    #[test]
    fn the_time_before_an_earlier_moment_is_zero() {
        let noon = Timestamp::from_epoch_millis(1000);
        assert_eq!(noon.since(noon + Duration::from_secs(1)), Duration::ZERO);
        assert_eq!((noon + Duration::from_secs(1)).since(noon), Duration::from_secs(1));
    }
}
