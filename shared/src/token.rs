//! The identity of a wish: the same on every attempt, in every process.

use std::fmt;

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::rules::quote;

/// What the scheduler's placeholders begin with when nothing replaced them.
const PLACEHOLDER: &str = "<aws.scheduler";

/// The namespace of derived tokens: a version 5 UUID of `reveille` in the DNS namespace. Another
/// one would give every wish in flight a new identity.
const NAMESPACE: Uuid = Uuid::from_u128(0x8fc1_c9f0_4b5c_5f3e_9a59_3d6a_7c1b_7e21);

/// The token of a wish: printable ASCII, at most as long as its operation allows. It is sent to
/// AWS as the client token, where the API takes one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// A token given by the sender, taken verbatim.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub fn parse(text: &str, longest: usize) -> Result<Self, String> {
        if let Some(other) = text.chars().find(|c| !c.is_ascii_graphic() && *c != ' ') {
            return Err(format!("holds the character {other:?}, expected printable ASCII only"));
        }
        if text.is_empty() || text.len() > longest {
            return Err(format!("is {} characters long, expected 1 to {longest}", text.len()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The token of a wish that was sent without one: a name-based UUID over where it came from.
    /// `ordinal` is the place of the intent in its event.
    #[must_use]
    pub fn derive(operation: &str, target: &str, source: &Source, ordinal: usize) -> Self {
        let name = format!("{operation}\n{target}\n{source}\n{ordinal}");
        Self(Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string())
    }

    /// The token as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a wish came from, by what stays the same when its event is delivered again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// One occurrence of a schedule.
    Schedule {
        /// The schedule's ARN.
        arn: String,
        /// The time it was meant to fire.
        time: Timestamp,
    },
    /// An EventBridge event, by its `id`.
    Event(String),
    /// An SQS message, by its `messageId`.
    Message(String),
    /// An invocation, by its Lambda request id, which covers Lambda's own retries only.
    Request(String),
}

impl Source {
    /// The occurrence of a schedule, from the two fields of a scheduler's input.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub fn schedule(arn: &str, time: &str) -> Result<Self, String> {
        let Some(time) = Timestamp::parse(time) else {
            return Err(format!("scheduledTime is {}, expected an RFC 3339 time", quote(time)));
        };
        if !arn.starts_with("arn:") {
            return Err(format!("scheduleArn is {}, expected the ARN of a schedule", quote(arn)));
        }
        Ok(Self::Schedule { arn: arn.to_owned(), time })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schedule { arn, time } => write!(f, "schedule {arn} at {time}"),
            Self::Event(id) => write!(f, "event {id}"),
            Self::Message(id) => write!(f, "message {id}"),
            Self::Request(id) => write!(f, "request {id}"),
        }
    }
}

/// Whether a scheduler's placeholder arrived literally. As an identity it would make tomorrow's
/// run look like a duplicate of today's.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    text.contains(PLACEHOLDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str) -> Source {
        Source::Message(id.into())
    }

    #[test]
    fn a_derived_token_is_a_uuid_and_the_same_in_every_release() {
        let token = Token::derive("StartImagePipelineExecution", "arn", &message("m-1"), 0);
        assert_eq!(token.as_str(), "3c118a5c-795e-5fc5-bfdc-9a0398df0f76");
        assert_eq!(token.as_str().len(), 36);
    }

    #[test]
    fn each_part_of_the_identity_counts() {
        let token = Token::derive("Op", "target", &message("m"), 0);
        assert_ne!(token, Token::derive("Other", "target", &message("m"), 0));
        assert_ne!(token, Token::derive("Op", "other", &message("m"), 0));
        assert_ne!(token, Token::derive("Op", "target", &message("n"), 0));
        assert_ne!(token, Token::derive("Op", "target", &message("m"), 1));
        assert_ne!(token, Token::derive("Op", "target", &Source::Event("m".into()), 0));
    }

    #[test]
    fn a_given_token_is_taken_verbatim() {
        assert_eq!(
            Token::parse("Nightly 2026-11-20!", 36).unwrap().as_str(),
            "Nightly 2026-11-20!"
        );
    }

    #[test]
    fn a_token_that_aws_would_refuse_is_refused_with_its_reason() {
        assert_eq!(Token::parse("", 36).unwrap_err(), "is 0 characters long, expected 1 to 36");
        assert!(Token::parse(&"x".repeat(37), 36).unwrap_err().contains("37 characters"));
        assert!(Token::parse("nächtlich", 36).unwrap_err().contains("'ä'"));
        assert!(Token::parse("a\nb", 36).unwrap_err().contains(r"'\n'"));
    }

    #[test]
    fn one_moment_of_a_schedule_is_one_source_however_it_is_written() {
        let utc = Source::schedule("arn:aws:scheduler:x", "2026-11-20T01:00:00Z").unwrap();
        let paris =
            Source::schedule("arn:aws:scheduler:x", "2026-11-20T02:00:00.000+01:00").unwrap();
        assert_eq!(utc.to_string(), paris.to_string());
    }

    #[test]
    fn a_schedule_time_that_never_changes_is_no_source() {
        assert!(Source::schedule("arn:x", "nightly").unwrap_err().contains("RFC 3339"));
        assert!(Source::schedule("nightly", "2026-11-20T01:00:00Z").unwrap_err().contains("ARN"));
    }
}
