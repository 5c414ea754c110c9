//! The rules that requests are held to, and what is said to those that break them.

use regex_lite::Regex;

use crate::error::ServiceError;

pub(super) fn given<T>(value: Option<T>, name: &str) -> Result<T, ServiceError> {
    value.ok_or_else(|| {
        invalid(format!(
            "value null at '{name}' failed to satisfy constraint: member must not be null"
        ))
    })
}

pub(super) fn client_token(token: Option<String>) -> Result<String, ServiceError> {
    let token = given(token, "clientToken")?;
    within(&token, 1, 64, "clientToken")?;
    Ok(token)
}

pub(super) fn within(
    value: &str,
    least: usize,
    most: usize,
    name: &str,
) -> Result<(), ServiceError> {
    let length = value.chars().count();
    if (least..=most).contains(&length) {
        return Ok(());
    }
    Err(invalid(format!("found {length} characters at '{name}', expected {least} to {most}")))
}

pub(super) fn counted(
    count: usize,
    least: usize,
    most: usize,
    name: &str,
) -> Result<(), ServiceError> {
    if (least..=most).contains(&count) {
        return Ok(());
    }
    Err(invalid(format!("found {count} {name}, expected {least} to {most}")))
}

pub(super) fn matching(value: &str, pattern: &str, name: &str) -> Result<(), ServiceError> {
    if Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(value)) {
        return Ok(());
    }
    Err(invalid(format!(
        "value '{value}' at '{name}' failed to satisfy constraint: member must satisfy regular expression pattern: \
         {pattern}"
    )))
}

pub(super) fn one_of(value: &str, expected: &[&str], name: &str) -> Result<(), ServiceError> {
    if expected.contains(&value) {
        return Ok(());
    }
    let expected = expected.join(", ");
    Err(invalid(format!("found '{value}' at '{name}', expected one of {expected}")))
}

pub(super) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidRequestException", 400, message)
}

pub(super) fn unreadable(error: &serde_json::Error) -> ServiceError {
    ServiceError::new("SerializationException", 400, format!("the body cannot be read: {error}"))
}
