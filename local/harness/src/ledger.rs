//! The ledger's table, in a DynamoDB that lives in this process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use dynoxide::Database;
use serde::Deserialize;
use serde_json::{Map, Number, Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::must::must;

/// The table's name.
pub(crate) const TABLE: &str = "ledger";

/// A DynamoDB with the ledger's table in it. It stops when it is dropped.
pub(crate) struct Ledger {
    database: Database,
    address: SocketAddr,
    /// Its end is what ends the server.
    _running: oneshot::Sender<()>,
}

impl Ledger {
    pub(crate) async fn start() -> io::Result<Self> {
        let database = must("the database opens", Database::memory());
        create_table(&database);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (running, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database.clone(), stopped));
        Ok(Self { database, address, _running: running })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
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
