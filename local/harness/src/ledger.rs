//! The ledger's table, in a DynamoDB that lives in this process.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dynoxide::{Database, DynoxideError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};
use simulator::ServiceError;
use simulator::server::Cut;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::must::must;
use crate::{aws_json, proxy};

/// The table's name.
pub(crate) const TABLE: &str = "ledger";

/// A DynamoDB with the ledger's table in it. It stops when it is dropped.
pub(crate) struct Ledger {
    database: Database,
    refusals: Refusals,
    /// Its end is what ends the server.
    running: Option<oneshot::Sender<()>>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let database = must("the database opens", Database::memory());
        create_table(&database);
        Self { database, refusals: Refusals::default(), running: None }
    }

    /// Serves it on a free port, with the engine's own server.
    pub(crate) async fn serve(&mut self) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (running, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let database = self.database.clone();
        tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, stopped));
        self.running = Some(running);
        Ok(address)
    }

    /// The engine without its server, for the operations that the product has use for.
    pub(crate) fn router(&self) -> Router {
        let (database, refusals) = (self.database.clone(), self.refusals.clone());
        Router::new().fallback(move |request: Request| async move {
            let operation = proxy::operation(&request);
            match to_bytes(request.into_body(), usize::MAX).await {
                Ok(body) if operation == "BatchExecuteStatement" => {
                    refusals.perform(&database, &body)
                }
                Ok(body) => perform(&database, &operation, &body),
                Err(_) => Cut.into_response(),
            }
        })
    }

    /// Refuses the next statement about this item, and lets the others of its request through.
    pub(crate) fn refuse_statement(&self, token: &str, code: &str) {
        self.refusals.add(token, code);
    }

    /// Every item, sorted by token.
    pub(crate) fn items(&self) -> Vec<Value> {
        let mut items = Vec::new();
        let mut start = Value::Null;
        loop {
            let page = self.page(&start);
            items.extend(page["Items"].as_array().into_iter().flatten().map(plain_item));
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                break;
            }
        }
        items.sort_by_key(|item| item["token"].as_str().unwrap_or_default().to_owned());
        items
    }

    fn page(&self, start: &Value) -> Value {
        let request = request(json!({"TableName": TABLE, "ExclusiveStartKey": start}));
        let page = must("the ledger is read", self.database.scan(request));
        must("the ledger is read", serde_json::to_value(page))
    }

    pub(crate) fn item(&self, token: &str) -> Option<Value> {
        self.items().into_iter().find(|item| item["token"] == token)
    }

    pub(crate) fn put(&self, item: &Value) {
        let item = typed(item)["M"].clone();
        let request = request(json!({"TableName": TABLE, "Item": item}));
        must("the item is written", self.database.put_item(request));
    }

    pub(crate) fn delete(&self, token: &str) {
        let request = request(json!({"TableName": TABLE, "Key": {"token": {"S": token}}}));
        must("the item is deleted", self.database.delete_item(request));
    }
}

/// Statements that are refused one by one, as DynamoDB refuses those that meet a hot partition:
/// tokens, each with the error's code. The engine has no such limits.
#[derive(Clone, Default)]
struct Refusals(Arc<Mutex<Vec<(String, String)>>>);

impl Refusals {
    fn add(&self, token: &str, code: &str) {
        self.waiting().push((token.to_owned(), code.to_owned()));
    }

    fn perform(&self, database: &Database, body: &[u8]) -> Response {
        let mut request: Value = serde_json::from_slice(body).unwrap_or_default();
        let refused = self.take_out(&mut request);
        if request["Statements"].as_array().is_some_and(Vec::is_empty) {
            return aws_json::answer(&json!({"Responses": refused.values().collect::<Vec<_>>()}));
        }
        respond(request.to_string().as_bytes(), |request| {
            let answer = database.batch_execute_statement(request)?;
            Ok(put_back(must("the answer is JSON", serde_json::to_value(answer)), &refused))
        })
    }

    /// The answers to the statements that are refused, by their places.
    fn take_out(&self, request: &mut Value) -> BTreeMap<usize, Value> {
        let mut refused = BTreeMap::new();
        let mut waiting = self.waiting();
        let mut place = 0;
        if let Some(statements) = request["Statements"].as_array_mut() {
            statements.retain(|statement| {
                let is_about = |(token, _): &(String, String)| mentions(statement, token);
                let refusal = waiting.iter().position(is_about).map(|found| waiting.remove(found));
                if let Some((_, code)) = &refusal {
                    let message = format!("{code} on demand");
                    let answer = json!({"Error": {"Code": code, "Message": message}});
                    refused.insert(place, answer);
                }
                place += 1;
                refusal.is_none()
            });
        }
        refused
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mentions(statement: &Value, token: &str) -> bool {
    let parameters = statement["Parameters"].as_array();
    parameters.into_iter().flatten().any(|parameter| parameter["S"] == token)
}

fn put_back(mut answer: Value, refused: &BTreeMap<usize, Value>) -> Value {
    if let Some(responses) = answer["Responses"].as_array_mut() {
        for (place, refusal) in refused {
            responses.insert(*place, refusal.clone());
        }
    }
    answer
}

fn perform(database: &Database, operation: &str, body: &[u8]) -> Response {
    match operation {
        "UpdateItem" => respond(body, |request| database.update_item(request)),
        "PutItem" => respond(body, |request| database.put_item(request)),
        "GetItem" => respond(body, |request| database.get_item(request)),
        other => aws_json::refusal(&ServiceError::new(
            "UnknownOperationException",
            400,
            format!("found operation '{other}', expected one that the harness passes on"),
        )),
    }
}

fn respond<T: for<'a> Deserialize<'a>, A: Serialize>(
    body: &[u8],
    work: impl FnOnce(T) -> dynoxide::Result<A>,
) -> Response {
    let request = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => {
            return aws_json::refusal(&ServiceError::new(
                "ValidationException",
                400,
                error.to_string(),
            ));
        }
    };
    match work(request).map(|answer| serde_json::to_value(answer)) {
        Ok(Ok(answer)) => aws_json::answer(&answer),
        Ok(Err(error)) => {
            aws_json::refusal(&ServiceError::new("InternalServerError", 500, error.to_string()))
        }
        Err(error) => refused(&error),
    }
}

fn refused(error: &DynoxideError) -> Response {
    let body = serde_json::from_str(&error.to_json()).unwrap_or_default();
    let mut answer = aws_json::answer(&body);
    *answer.status_mut() =
        StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
    answer
}

fn create_table(database: &Database) {
    let table = request(json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "token", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "token", "KeyType": "HASH"}],
    }));
    must("the ledger's table is created", database.create_table(table));
}

fn request<T: for<'a> Deserialize<'a>>(body: Value) -> T {
    must("the request is one of DynamoDB's", serde_json::from_value(body))
}

fn plain_item(item: &Value) -> Value {
    plain(&json!({"M": item}))
}

/// A value without its type: `{"N": "1"}` becomes 1.
fn plain(typed: &Value) -> Value {
    let Some((kind, value)) = typed.as_object().and_then(|typed| typed.iter().next()) else {
        return Value::Null;
    };
    match (kind.as_str(), value) {
        ("N", Value::String(digits)) => number(digits),
        ("NULL", _) => Value::Null,
        ("M", Value::Object(map)) => {
            map.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
        }
        ("L", Value::Array(list)) => list.iter().map(plain).collect(),
        ("NS", Value::Array(set)) => set.iter().filter_map(Value::as_str).map(number).collect(),
        _ => value.clone(),
    }
}

fn number(digits: &str) -> Value {
    digits.parse::<Number>().map_or_else(|_| json!(digits), Value::Number)
}

/// A value with its type: 1 becomes `{"N": "1"}`.
fn typed(plain: &Value) -> Value {
    match plain {
        Value::Null => json!({"NULL": true}),
        Value::Bool(value) => json!({"BOOL": value}),
        Value::Number(value) => json!({"N": value.to_string()}),
        Value::String(value) => json!({"S": value}),
        Value::Array(list) => json!({"L": list.iter().map(typed).collect::<Vec<_>>()}),
        Value::Object(map) => {
            let map: Map<_, _> =
                map.iter().map(|(name, value)| (name.clone(), typed(value))).collect();
            json!({"M": map})
        }
    }
}
