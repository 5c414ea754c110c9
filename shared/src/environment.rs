//! The variables that a function reads, once, at its start.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The name of the ledger's table.
pub const LEDGER_TABLE: &str = "LEDGER_TABLE";
/// The URL of the function's own queue.
pub const QUEUE_URL: &str = "QUEUE_URL";
/// The URL of the function's own dead-letter queue.
pub const DEAD_LETTER_QUEUE_URL: &str = "DEAD_LETTER_QUEUE_URL";
/// How many days a wish is remembered: 30 unless given; at least 29, since a queue and its
/// dead-letter queue can hold a message for 28.
pub const LEDGER_RETENTION_DAYS: &str = "LEDGER_RETENTION_DAYS";
/// How many seconds after the invocation's deadline a claim ends: 90 unless given.
pub const LEASE_MARGIN_SECONDS: &str = "LEASE_MARGIN_SECONDS";
/// How many transient or denied attempts a wish has: 20 unless given.
pub const MAX_ATTEMPTS: &str = "MAX_ATTEMPTS";
/// How many hours a wish waits for a busy target: 12 unless given.
pub const MAX_BUSY_HOURS: &str = "MAX_BUSY_HOURS";
/// How many calls of one event are under way together: 8 unless given. The four APIs allow a few
/// requests a second; more at once would only be throttled.
pub const CONCURRENT_CALLS: &str = "CONCURRENT_CALLS";

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

/// What the environment says, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// [`LEDGER_TABLE`]
    pub ledger_table: String,
    /// [`QUEUE_URL`]
    pub queue_url: String,
    /// [`DEAD_LETTER_QUEUE_URL`]
    pub dead_letter_queue_url: String,
    /// [`LEDGER_RETENTION_DAYS`]
    pub ledger_retention: Duration,
    /// [`LEASE_MARGIN_SECONDS`]
    pub lease_margin: Duration,
    /// [`MAX_ATTEMPTS`]
    pub max_attempts: u32,
    /// [`MAX_BUSY_HOURS`]
    pub max_busy: Duration,
    /// [`CONCURRENT_CALLS`]
    pub concurrent_calls: usize,
}

/// A variable that is missing or bad, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidEnvironment {
    variable: &'static str,
    problem: String,
}

impl fmt::Display for InvalidEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "environment variable {} {}", self.variable, self.problem)
    }
}

impl std::error::Error for InvalidEnvironment {}

impl Environment {
    /// Reads the variables of this process.
    ///
    /// # Errors
    /// The first variable that is missing or bad.
    pub fn of_process() -> Result<Self, InvalidEnvironment> {
        Self::read(|variable| std::env::var(variable).ok())
    }

    /// Reads the variables through `lookup`, so that a test need not change its process.
    ///
    /// # Errors
    /// The first variable that is missing or bad.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidEnvironment> {
        Ok(Self {
            ledger_table: text(&lookup, LEDGER_TABLE, "the name of the ledger's table")?,
            queue_url: url(&lookup, QUEUE_URL)?,
            dead_letter_queue_url: url(&lookup, DEAD_LETTER_QUEUE_URL)?,
            ledger_retention: DAY * number(&lookup, LEDGER_RETENTION_DAYS, 30, 29..=3650)?,
            lease_margin: SECOND * number(&lookup, LEASE_MARGIN_SECONDS, 90, 0..=43_200)?,
            max_attempts: number(&lookup, MAX_ATTEMPTS, 20, 1..=150)?,
            max_busy: HOUR * number(&lookup, MAX_BUSY_HOURS, 12, 0..=24 * 14)?,
            concurrent_calls: number(&lookup, CONCURRENT_CALLS, 10, 1..=100)? as usize,
        })
    }
}

fn text(
    lookup: &impl Fn(&str) -> Option<String>,
    variable: &'static str,
    expected: &str,
) -> Result<String, InvalidEnvironment> {
    match lookup(variable) {
        Some(text) if !text.trim().is_empty() => Ok(text),
        Some(_) => Err(invalid(variable, format!("is empty, expected {expected}"))),
        None => Err(invalid(variable, format!("is missing, expected {expected}"))),
    }
}

fn url(
    lookup: &impl Fn(&str) -> Option<String>,
    variable: &'static str,
) -> Result<String, InvalidEnvironment> {
    let url = text(lookup, variable, "the URL of an SQS queue")?;
    let is_url = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
    if is_url && url.split('/').count() >= 5 {
        return Ok(url);
    }
    Err(invalid(
        variable,
        format!("is `{url}`, expected the URL of an SQS queue: https://HOST/ACCOUNT/NAME"),
    ))
}

fn number(
    lookup: &impl Fn(&str) -> Option<String>,
    variable: &'static str,
    default: u32,
    limits: RangeInclusive<u32>,
) -> Result<u32, InvalidEnvironment> {
    let Some(text) = lookup(variable) else { return Ok(default) };
    match text.trim().parse() {
        Ok(number) if limits.contains(&number) => Ok(number),
        _ => Err(invalid(
            variable,
            format!(
                "is `{text}`, expected a whole number from {} to {}",
                limits.start(),
                limits.end()
            ),
        )),
    }
}

fn invalid(variable: &'static str, problem: String) -> InvalidEnvironment {
    InvalidEnvironment { variable, problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn read(changes: &[(&str, Option<&str>)]) -> Result<Environment, String> {
        let mut variables = HashMap::from([
            (LEDGER_TABLE, "ledger"),
            (QUEUE_URL, "https://sqs.us-east-1.amazonaws.com/123456789012/queue"),
            (DEAD_LETTER_QUEUE_URL, "https://sqs.us-east-1.amazonaws.com/123456789012/dead"),
        ]);
        for (variable, value) in changes {
            match value {
                Some(value) => variables.insert(variable, value),
                None => variables.remove(variable),
            };
        }
        Environment::read(|variable| variables.get(variable).map(ToString::to_string))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn three_variables_are_enough() {
        let environment = read(&[]).unwrap();
        assert_eq!(environment.ledger_retention, 30 * DAY);
        assert_eq!(environment.lease_margin, 90 * SECOND);
        assert_eq!(environment.max_attempts, 20);
        assert_eq!(environment.max_busy, 12 * HOUR);
        assert_eq!(environment.concurrent_calls, 10);
    }

    #[test]
    fn a_missing_variable_is_named_with_what_was_expected() {
        for variable in [LEDGER_TABLE, QUEUE_URL, DEAD_LETTER_QUEUE_URL] {
            let missing = read(&[(variable, None)]).unwrap_err();
            assert!(
                missing.contains(&format!("{variable} is missing, expected the ")),
                "{missing}"
            );
            let empty = read(&[(variable, Some(" "))]).unwrap_err();
            assert!(empty.contains(&format!("{variable} is empty, expected the ")), "{empty}");
        }
    }

    #[test]
    fn a_bad_value_is_named_with_what_was_found_and_expected() {
        for (variable, value, expected) in [
            (LEDGER_RETENTION_DAYS, "28", "29 to 3650"),
            (LEDGER_RETENTION_DAYS, "a month", "29 to 3650"),
            (LEASE_MARGIN_SECONDS, "-1", "0 to 43200"),
            (MAX_ATTEMPTS, "0", "1 to 150"),
            (MAX_BUSY_HOURS, "1.5", "0 to 336"),
            (CONCURRENT_CALLS, "0", "1 to 100"),
            (QUEUE_URL, "queue", "https://HOST/ACCOUNT/NAME"),
        ] {
            let error = read(&[(variable, Some(value))]).unwrap_err();
            assert!(error.contains(variable) && error.contains(&format!("`{value}`")), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }
}
