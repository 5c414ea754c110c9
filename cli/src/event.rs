//! The wishes in an event, whether it is a file's or a dead letter's.

use serde_json::Value;
use shared::json;
use shared::rules::Finding;
use shared::trigger::{self, Carrier, Draft, Trigger};

use crate::operation::{Operation, Valid};

/// One intent of an event, or what stands in its place.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Where it stands, such as `Records[0].intents[2]`; empty where it is the whole event.
    pub(crate) place: String,
    /// What the function would make of it.
    pub(crate) wish: Result<Valid, Vec<Finding>>,
}

/// Reads an event by the function's own rules; `change` may alter each intent before they apply.
///
/// # Errors
/// Where the function would fail the whole invocation.
pub(crate) fn read(
    operation: Operation,
    event: &str,
    request_id: &str,
    change: impl Fn(&mut Value),
) -> Result<Vec<Entry>, String> {
    let trigger = trigger::parse(operation.name(), event, request_id)
        .map_err(|diagnostic| diagnostic.error_message)?;
    let carriers = match trigger {
        Trigger::Direct(carrier) => vec![(String::new(), carrier)],
        Trigger::Queue(carriers) => carriers
            .into_iter()
            .enumerate()
            .map(|(place, carrier)| (format!("Records[{place}]"), carrier))
            .collect(),
    };
    Ok(carriers
        .into_iter()
        .flat_map(|(place, carrier)| entries(operation, &place, carrier, &change))
        .collect())
}

fn entries(
    operation: Operation,
    place: &str,
    carrier: Carrier,
    change: &impl Fn(&mut Value),
) -> Vec<Entry> {
    let list = list(&carrier.body);
    let drafts = match carrier.drafts {
        Ok(drafts) => drafts,
        Err(reason) => {
            let finding = Finding { field: String::new(), problem: reason.message };
            return vec![Entry { place: place.to_owned(), wish: Err(vec![finding]) }];
        }
    };
    let entry = |(index, mut draft): (usize, Draft)| {
        change(&mut draft.intent);
        let within = list.map(|list| format!("{list}[{index}]"));
        let parts = [place, within.as_deref().unwrap_or_default()];
        let place = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
        Entry { place, wish: operation.wish(&draft) }
    };
    drafts.into_iter().enumerate().map(entry).collect()
}

/// The list that the intents stand in, if it is one.
fn list(body: &str) -> Option<&'static str> {
    let fields = json::parse_object(body).ok()?;
    let detail = fields.get("detail").and_then(Value::as_object);
    match detail {
        Some(detail) if detail.contains_key("intents") => Some("detail.intents"),
        Some(_) => None,
        None => fields.contains_key("intents").then_some("intents"),
    }
}
