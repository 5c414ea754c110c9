//! The one store of all contestants: DynamoDB's engine in this process, with a table for each.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use dynoxide::types::item_size;
use dynoxide::{Database, DynoxideError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Outcome;
use crate::front::operation;

/// The table of our functions.
pub(crate) const LEDGER: &str = "ledger";
/// The table of the rival.
pub(crate) const IDEMPOTENCY: &str = "idempotency";

/// A DynamoDB. Clones are one store.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
    meter: Arc<Meter>,
}

/// Asks the engine for the capacity that requests consume. Off while time is measured, since it costs some.
#[derive(Default)]
struct Meter {
    is_on: AtomicBool,
    units: Mutex<f64>,
}

impl Store {
    /// An empty store.
    pub(crate) fn open() -> Outcome<Self> {
        let store = Self { database: Database::memory()?, meter: Arc::default() };
        store.create_table(LEDGER, "token")?;
        store.create_table(IDEMPOTENCY, "id")?;
        Ok(store)
    }

    fn create_table(&self, name: &str, key: &str) -> Outcome<()> {
        self.database.create_table(serde_json::from_value(json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        }))?)?;
        Ok(())
    }

    /// What answers DynamoDB's requests.
    pub(crate) fn router(&self) -> Router {
        let store = self.clone();
        Router::new().fallback(move |request: Request<Body>| async move {
            let operation = operation(&request);
            match to_bytes(request.into_body(), usize::MAX).await {
                Ok(body) => store.answer(&operation, &body),
                Err(error) => answer(StatusCode::BAD_REQUEST, error.to_string()),
            }
        })
    }

    /// Begins to count capacity units.
    pub(crate) fn start_meter(&self) {
        *self.meter.units() = 0.0;
        self.meter.is_on.store(true, Ordering::SeqCst);
    }

    /// Ends it, and tells how many there were.
    pub(crate) fn stop_meter(&self) -> f64 {
        self.meter.is_on.store(false, Ordering::SeqCst);
        *self.meter.units()
    }

    /// The size in bytes of the largest item, by DynamoDB's rule.
    pub(crate) fn largest_item(&self, table: &str) -> Outcome<usize> {
        let (mut largest, mut start) = (0, Value::Null);
        loop {
            let page = json!({"TableName": table, "ExclusiveStartKey": start});
            let page = self.database.scan(serde_json::from_value(page)?)?;
            largest = page.items.iter().flatten().map(item_size).fold(largest, usize::max);
            start = serde_json::to_value(&page.last_evaluated_key)?;
            if start.is_null() {
                return Ok(largest);
            }
        }
    }

    fn answer(&self, operation: &str, body: &[u8]) -> Response {
        if !self.meter.is_on.load(Ordering::SeqCst) {
            return self.perform(operation, body);
        }
        let Ok(mut request) = serde_json::from_slice::<Value>(body) else {
            return self.perform(operation, body);
        };
        request["ReturnConsumedCapacity"] = json!("TOTAL");
        self.perform(operation, request.to_string().as_bytes())
    }

    fn perform(&self, operation: &str, body: &[u8]) -> Response {
        let database = &self.database;
        match operation {
            "PutItem" => self.respond(body, |request| database.put_item(request)),
            "UpdateItem" => self.respond(body, |request| database.update_item(request)),
            "GetItem" => self.respond(body, |request| database.get_item(request)),
            "DeleteItem" => self.respond(body, |request| database.delete_item(request)),
            "BatchGetItem" => self.respond(body, |request| database.batch_get_item(request)),
            "BatchWriteItem" => self.respond(body, |request| database.batch_write_item(request)),
            "ExecuteStatement" => self.respond(body, |request| database.execute_statement(request)),
            "BatchExecuteStatement" => {
                self.respond(body, |request| database.batch_execute_statement(request))
            }
            "TransactWriteItems" => {
                self.respond(body, |request| database.transact_write_items(request))
            }
            other => {
                refused(&format!("found operation '{other}', expected one of the ledgers' own"))
            }
        }
    }

    fn respond<T: for<'a> Deserialize<'a>, A: Serialize>(
        &self,
        body: &[u8],
        work: impl FnOnce(T) -> dynoxide::Result<A>,
    ) -> Response {
        let request = match serde_json::from_slice(body) {
            Ok(request) => request,
            Err(error) => return refused(&error.to_string()),
        };
        match work(request) {
            Ok(done) if self.meter.is_on.load(Ordering::SeqCst) => self.meter.read(&done),
            Ok(done) => written(&done),
            Err(error) => failed(&error),
        }
    }
}

impl Meter {
    fn read(&self, done: &impl Serialize) -> Response {
        if let Ok(answer) = serde_json::to_value(done) {
            *self.units() += units(&answer["ConsumedCapacity"]);
        }
        written(done)
    }

    fn units(&self) -> MutexGuard<'_, f64> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The units of one table, or of several in a list.
fn units(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(tables) => tables.iter().map(units).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or_default(),
    }
}

fn written(done: &impl Serialize) -> Response {
    match serde_json::to_string(done) {
        Ok(text) => answer(StatusCode::OK, text),
        Err(error) => refused(&error.to_string()),
    }
}

fn failed(error: &DynoxideError) -> Response {
    let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
    answer(status, error.to_json())
}

fn refused(message: &str) -> Response {
    let error =
        json!({"__type": "com.amazon.coral.validate#ValidationException", "message": message});
    answer(StatusCode::BAD_REQUEST, error.to_string())
}

fn answer(status: StatusCode, text: String) -> Response {
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    let form = HeaderValue::from_static("application/x-amz-json-1.0");
    answer.headers_mut().insert(header::CONTENT_TYPE, form);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &Store, token: &str, bytes: usize) -> Response {
        let item = json!({"token": {"S": token}, "text": {"S": "x".repeat(bytes)}});
        let request = json!({"TableName": LEDGER, "Item": item}).to_string();
        store.answer("PutItem", request.as_bytes())
    }

    #[test]
    fn a_write_is_metered_by_the_kilobyte() -> Outcome<()> {
        let store = Store::open()?;
        store.start_meter();
        assert_eq!(put(&store, "one", 100).status(), StatusCode::OK);
        put(&store, "two", 1500);
        let units = store.stop_meter();
        assert!((units - 3.0).abs() < 1e-9, "{units}");
        Ok(())
    }

    #[test]
    fn nothing_is_metered_that_is_not_asked_for() -> Outcome<()> {
        let store = Store::open()?;
        put(&store, "one", 100);
        let units = store.stop_meter();
        assert!(units.abs() < 1e-9, "{units}");
        Ok(())
    }

    #[test]
    fn units_are_summed_over_tables() {
        let consumed = json!([{"CapacityUnits": 1.0}, {"CapacityUnits": 2.5}]);
        assert!((units(&consumed) - 3.5).abs() < 1e-9);
        assert!(units(&Value::Null).abs() < 1e-9);
    }

    #[test]
    fn the_largest_item_counts_names_and_values() -> Outcome<()> {
        let store = Store::open()?;
        put(&store, "one", 10);
        put(&store, "three", 20);
        assert_eq!(store.largest_item(LEDGER)?, "token".len() + "three".len() + "text".len() + 20);
        Ok(())
    }
}
