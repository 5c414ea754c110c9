//! Findings: which field breaks which rule, what was found and what was expected.

use std::fmt;
use std::ops::RangeInclusive;

pub use regex_lite::Regex;

/// How much of a value a message repeats.
const QUOTED: usize = 120;

/// All that is wrong with one intent. The rules of every operation are written with its methods.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The path of the field, such as `tags` or `state.status`; empty for the intent as a whole.
    pub field: String,
    /// What was found and what was expected, lower case.
    pub problem: String,
}

impl Findings {
    /// A finding about one field.
    pub fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Finding { field: field.into(), problem: problem.into() });
    }

    /// The number of characters lies within the limits.
    pub fn length(&mut self, field: &str, value: &str, limits: RangeInclusive<usize>) {
        let length = value.chars().count();
        if !limits.contains(&length) {
            self.add(field, format!("is {length} characters long, expected {}", range(&limits)));
        }
    }

    /// The number of entries lies within the limits.
    pub fn count(&mut self, field: &str, count: usize, limits: RangeInclusive<usize>) {
        if !limits.contains(&count) {
            self.add(field, format!("has {count} entries, expected {}", range(&limits)));
        }
    }

    /// The value matches AWS's pattern; `expected` says in words what that is.
    pub fn pattern(&mut self, field: &str, value: &str, pattern: &Regex, expected: &str) {
        if !pattern.is_match(value) {
            self.add(field, format!("is {}, expected {expected}", quote(value)));
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each finding in the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.problem),
            field => write!(f, "{field} {}", self.problem),
        }
    }
}

/// A pattern of an API page, to be kept in a `LazyLock`.
///
/// # Panics
/// Where the pattern is not well formed, which every test of its rule would show.
#[must_use]
pub fn regex(pattern: &'static str) -> Regex {
    Regex::new(pattern)
        .unwrap_or_else(|error| panic!("the pattern `{pattern}` is not well formed: {error}"))
}

/// The value between backticks, cut where it is long.
#[must_use]
pub fn quote(value: &str) -> String {
    match value.char_indices().nth(QUOTED) {
        None => format!("`{value}`"),
        Some((end, _)) => format!("`{}…` ({} characters)", &value[..end], value.chars().count()),
    }
}

fn range(limits: &RangeInclusive<usize>) -> String {
    match *limits.end() {
        usize::MAX => format!("at least {}", limits.start()),
        end => format!("{} to {end}", limits.start()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_its_field_what_was_found_and_what_was_expected() {
        let mut findings = Findings::default();
        findings.length("name", "", 1..=3);
        findings.count("tags", 51, 1..=50);
        findings.pattern("arn", "x", &Regex::new("^y$").unwrap(), "`y`");
        assert_eq!(
            findings.to_string(),
            "name is 0 characters long, expected 1 to 3; tags has 51 entries, expected 1 to 50; \
             arn is `x`, expected `y`"
        );
    }

    #[test]
    fn a_length_is_counted_in_characters_and_not_in_bytes() {
        let mut findings = Findings::default();
        findings.length("name", "äöü", 1..=3);
        assert!(findings.is_empty(), "{findings}");
    }

    #[test]
    fn a_long_value_is_cut_in_a_message() {
        let quoted = quote(&"ä".repeat(500));
        assert!(quoted.ends_with("…` (500 characters)"), "{quoted}");
        assert!(quoted.len() < 300);
    }
}
