//! An intent: the API's own request in JSON, with the control fields beside it.

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::json;
use crate::operation::{Operation, Request};
use crate::rules::{Findings, quote};
use crate::token::Token;

/// The identity of the wish, verbatim.
pub const CLIENT_TOKEN: &str = "clientToken";
/// The time past which the wish is reported as expired.
pub const NOT_AFTER: &str = "notAfter";
/// What to do when the target is busy.
pub const WHEN_BUSY: &str = "whenBusy";

/// The largest intent, in bytes of JSON. No request of the four APIs comes near it; it keeps a
/// ledger item and a dead letter within what DynamoDB and SQS can hold.
pub const LARGEST: usize = 64 * 1024;

/// How much of a parser's complaint a finding repeats.
const COMPLAINT: usize = 300;

/// An intent that has been checked.
#[derive(Clone, Debug)]
pub struct Intent<R> {
    /// What AWS is asked for.
    pub request: R,
    /// Control fields that change how the wish is treated, and not what it is.
    pub control: Control,
}

/// The control fields but for the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Control {
    /// Past this time the wish is never carried out.
    pub not_after: Option<Timestamp>,
    /// What to do when the target is busy.
    pub when_busy: WhenBusy,
}

/// What to do when the target is busy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WhenBusy {
    /// Come again later.
    #[default]
    Wait,
    /// Let this one go.
    Skip,
}

impl<R: Request> Intent<R> {
    /// Checks the fields of an intent against the rules of its operation.
    ///
    /// # Errors
    /// Every finding, each with its field.
    pub fn parse<O: Operation<Request = R>>(fields: &Map<String, Value>) -> Result<Self, Findings> {
        let mut findings = Findings::default();
        check_size(fields, &mut findings);
        let not_after = parse_not_after(fields, &mut findings);
        let when_busy = parse_when_busy(fields, &mut findings);
        if let Err(problem) = given_token::<O>(fields) {
            findings.add(CLIENT_TOKEN, problem);
        }
        match parse_request::<R>(fields, &mut findings) {
            Some(request) if findings.is_empty() => {
                Ok(Self { request, control: Control { not_after, when_busy } })
            }
            _ => Err(findings),
        }
    }
}

/// The token that the intent gives itself, if it does.
///
/// # Errors
/// What was found and what was expected.
pub fn given_token<O: Operation>(fields: &Map<String, Value>) -> Result<Option<Token>, String> {
    match fields.get(CLIENT_TOKEN) {
        None => Ok(None),
        Some(Value::String(text)) => Token::parse(text, O::LONGEST_TOKEN).map(Some),
        Some(other) => Err(format!("is {}, expected a string", json::kind(other))),
    }
}

fn check_size(fields: &Map<String, Value>, findings: &mut Findings) {
    let size = Value::Object(fields.clone()).to_string().len();
    if size > LARGEST {
        findings.add("", format!("the intent is {size} bytes of JSON, expected at most {LARGEST}"));
    }
}

fn parse_not_after(fields: &Map<String, Value>, findings: &mut Findings) -> Option<Timestamp> {
    let value = fields.get(NOT_AFTER)?;
    let time = value.as_str().and_then(Timestamp::parse);
    if time.is_none() {
        let found = value.as_str().map_or_else(|| json::kind(value).to_owned(), quote);
        findings.add(
            NOT_AFTER,
            format!("is {found}, expected an RFC 3339 time such as `2026-11-20T06:00:00Z`"),
        );
    }
    time
}

fn parse_when_busy(fields: &Map<String, Value>, findings: &mut Findings) -> WhenBusy {
    match fields.get(WHEN_BUSY) {
        None => WhenBusy::Wait,
        Some(Value::String(text)) if text == "wait" => WhenBusy::Wait,
        Some(Value::String(text)) if text == "skip" => WhenBusy::Skip,
        Some(other) => {
            let found = other.as_str().map_or_else(|| json::kind(other).to_owned(), quote);
            findings.add(WHEN_BUSY, format!("is {found}, expected `wait` or `skip`"));
            WhenBusy::Wait
        }
    }
}

fn parse_request<R: Request>(fields: &Map<String, Value>, findings: &mut Findings) -> Option<R> {
    let mut fields = fields.clone();
    for control in [CLIENT_TOKEN, NOT_AFTER, WHEN_BUSY] {
        fields.remove(control);
    }
    let given = Value::Object(fields);
    match serde_path_to_error::deserialize::<_, R>(given.clone()) {
        Ok(request) => {
            if let Ok(read) = serde_json::to_value(&request) {
                check_objects("", &given, &read, findings);
            }
            request.check(findings);
            Some(request)
        }
        Err(error) => {
            let path = error.path().to_string();
            let complaint: String = error.inner().to_string().chars().take(COMPLAINT).collect();
            // The complaint about an unknown field names it; the path says where it stands.
            let is_named = complaint.starts_with("unknown field");
            let field = match path.rsplit_once('.') {
                Some((parent, _)) if is_named => parent,
                None if is_named => "",
                _ => path.trim_matches('.'),
            };
            findings.add(field, complaint);
            None
        }
    }
}

/// Reading a struct takes an array of its values as well, which no API does.
fn check_objects(path: &str, given: &Value, read: &Value, findings: &mut Findings) {
    match (given, read) {
        (Value::Array(_), Value::Object(_)) => {
            findings.add(path, format!("is {}, expected an object", json::kind(given)));
        }
        (Value::Object(given), Value::Object(read)) => {
            for (name, value) in given {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                check_objects(&path, value, read.get(name).unwrap_or(&Value::Null), findings);
            }
        }
        (Value::Array(given), Value::Array(read)) => {
            for (place, (given, read)) in given.iter().zip(read).enumerate() {
                check_objects(&format!("{path}[{place}]"), given, read, findings);
            }
        }
        _ => {}
    }
}
