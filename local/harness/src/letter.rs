//! What a sender gives to a queue, and the rules it must keep.

use std::time::Duration;

use simulator::ServiceError;

use crate::message::{Attribute, Attributes};

/// The most that a message, or a batch of them, may weigh.
pub(crate) const SIZE_LIMIT: usize = 1 << 20;

/// What a sender gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letter {
    pub(crate) body: String,
    pub(crate) attributes: Attributes,
    pub(crate) delay: Option<Duration>,
    pub(crate) group: Option<String>,
    pub(crate) dedup: Option<String>,
}

impl Letter {
    /// The reason for which SQS does not take it.
    pub(crate) fn check(&self, fifo: bool) -> Result<(), ServiceError> {
        check_body(&self.body)?;
        check_attributes(&self.attributes)?;
        check_size(self.size())?;
        if fifo { check_for_fifo(self) } else { check_for_standard(self) }
    }

    /// What counts against the limit.
    pub(crate) fn size(&self) -> usize {
        let attributes = self.attributes.iter();
        let attributes: usize =
            attributes.map(|(name, attribute)| name.len() + attribute.size()).sum();
        self.body.len() + attributes
    }
}

fn check_body(body: &str) -> Result<(), ServiceError> {
    if body.is_empty() {
        return Err(missing("MessageBody"));
    }
    if body.chars().all(is_allowed) {
        return Ok(());
    }
    let message = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | \
                   #xE000 to #xFFFD | #x10000 to #x10FFFF";
    Err(ServiceError::new("InvalidMessageContents", 400, message))
}

fn is_allowed(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..)
}

fn check_attributes(attributes: &Attributes) -> Result<(), ServiceError> {
    if attributes.len() > 10 {
        let count = attributes.len();
        return Err(invalid(&format!(
            "Number of message attributes [{count}] exceeds the allowed maximum [10]."
        )));
    }
    attributes.iter().try_for_each(|(name, attribute)| check_attribute(name, attribute))
}

fn check_attribute(name: &str, attribute: &Attribute) -> Result<(), ServiceError> {
    check_attribute_name(name)?;
    let kind = attribute.data_type.split('.').next().unwrap_or_default();
    let refuse = |what: &str| Err(invalid(&format!("Message (user) attribute '{name}' {what}.")));
    if !matches!(kind, "String" | "Number" | "Binary") {
        return refuse("has an invalid type");
    }
    if attribute.value.is_empty() {
        return refuse(&format!("must contain a non-empty value of type '{kind}'"));
    }
    if attribute.text().is_some_and(|text| !text.chars().all(is_allowed)) {
        return refuse("contains invalid characters");
    }
    Ok(())
}

fn check_attribute_name(name: &str) -> Result<(), ServiceError> {
    let lower = name.to_ascii_lowercase();
    let reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
    let dotted = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let allowed = name.chars().all(|char| char.is_ascii_alphanumeric() || "_-.".contains(char));
    if (1..=256).contains(&name.len()) && allowed && !reserved && !dotted {
        return Ok(());
    }
    Err(invalid(&format!("Message (user) attribute name '{name}' is invalid.")))
}

fn check_size(size: usize) -> Result<(), ServiceError> {
    if size <= SIZE_LIMIT {
        return Ok(());
    }
    Err(invalid(&format!(
        "One or more parameters are invalid. Reason: Message must be shorter than {SIZE_LIMIT} bytes."
    )))
}

fn check_for_fifo(letter: &Letter) -> Result<(), ServiceError> {
    if letter.group.is_none() {
        return Err(missing("MessageGroupId"));
    }
    if letter.dedup.is_none() {
        return Err(invalid(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ));
    }
    if letter.delay.is_some() {
        return Err(wrong_type("DelaySeconds"));
    }
    Ok(())
}

/// A group is welcome on standard queues too, where it makes for fair sharing.
fn check_for_standard(letter: &Letter) -> Result<(), ServiceError> {
    if letter.dedup.is_some() { Err(wrong_type("MessageDeduplicationId")) } else { Ok(()) }
}

fn wrong_type(parameter: &str) -> ServiceError {
    invalid(&format!(
        "The parameter {parameter} is invalid. Reason: The request include parameter that is not valid for this queue type."
    ))
}

fn missing(parameter: &str) -> ServiceError {
    ServiceError::new(
        "MissingParameter",
        400,
        format!("The request must contain the parameter {parameter}."),
    )
}

pub(crate) fn invalid(message: &str) -> ServiceError {
    ServiceError::new("InvalidParameterValue", 400, message)
}
