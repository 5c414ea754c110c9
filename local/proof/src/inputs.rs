//! Events of every kind, given to all four functions: noise, arbitrary JSON, and the files of
//! `events/` with something changed. Nothing of it may panic, get lost, or reach AWS unasked.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use fastrand::Rng;
use harness::{Function, World};
use serde_json::{Map, Value, json};
use shared::Operation;
use start_image_builder::StartImageBuilder;
use start_image_pipeline_execution::StartImagePipelineExecution;
use start_resource_state_update::StartResourceStateUpdate;
use start_streaming_session::StartStreamingSession;

/// How many events one world is given.
pub const LOT: u64 = 50;

/// What is counted.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Tally {
    pub events: u64,
    pub records: u64,
    pub records_returned: u64,
    pub invocations_failed: u64,
    pub dead_letters: u64,
    pub ledger_items: u64,
}

impl Tally {
    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.records += other.records;
        self.records_returned += other.records_returned;
        self.invocations_failed += other.invocations_failed;
        self.dead_letters += other.dead_letters;
        self.ledger_items += other.ledger_items;
    }
}

/// Gives one lot of events to one function, and tells what must not be.
///
/// # Panics
/// Where the runtime cannot be built.
#[must_use]
pub fn try_lot(seed: u64, tally: &mut Tally) -> Vec<String> {
    fastrand::seed(seed);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
    let mut rng = Rng::with_seed(seed);
    let lot = match rng.u8(..4) {
        0 => catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(give(StartImagePipelineExecution::new, &mut rng, tally))
        })),
        1 => catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(give(StartResourceStateUpdate::new, &mut rng, tally))
        })),
        2 => catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(give(StartImageBuilder::new, &mut rng, tally))
        })),
        _ => catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(give(StartStreamingSession::new, &mut rng, tally))
        })),
    };
    let found = lot.unwrap_or_else(|_| vec!["it panicked".to_owned()]);
    found.into_iter().map(|violation| format!("lot {seed}: {violation}")).collect()
}

async fn give<O: Operation>(
    operation: impl FnOnce(&aws_config::SdkConfig) -> O,
    rng: &mut Rng,
    tally: &mut Tally,
) -> Vec<String> {
    let function = Function::within(World::in_process(), operation, &[]);
    let mut found = Vec::new();
    for _ in 0..LOT {
        let event = event(rng);
        tally.events += 1;
        match function.invoke_text(&event).await {
            Ok(answer) => check_answer(&function, &event, &answer, tally, &mut found),
            Err(error) => {
                tally.invocations_failed += 1;
                if !error.error_message.contains("expected")
                    && !error.error_message.contains("found")
                {
                    found.push(format!(
                        "failed without a sentence: {}: {event}",
                        error.error_message
                    ));
                }
            }
        }
    }
    tally.dead_letters += function.world.dead_letters().messages().len() as u64;
    tally.ledger_items += function.world.ledger_items().len() as u64;
    check_world(&function.world, &mut found);
    found
}

/// What is returned was there; what is not returned stands in the ledger or in the dead letters.
fn check_answer<O>(
    function: &Function<O>,
    event: &str,
    answer: &Value,
    tally: &mut Tally,
    found: &mut Vec<String>,
) {
    let event: Value = serde_json::from_str(event).unwrap_or_default();
    let Some(returned) = answer.get("batchItemFailures") else { return };
    let returned: Vec<_> =
        returned.as_array().into_iter().flatten().map(|item| &item["itemIdentifier"]).collect();
    let records: Vec<_> = event["Records"].as_array().into_iter().flatten().collect();
    tally.records += records.len() as u64;
    tally.records_returned += returned.len() as u64;
    for id in &returned {
        if !records.iter().any(|record| record["messageId"] == **id) {
            found.push(format!("returned {id}, which the event does not have: {event}"));
        }
    }
    let letters = function.world.dead_letters().messages();
    let items = function.world.ledger_items();
    for record in records.iter().filter(|record| !returned.contains(&&record["messageId"])) {
        let id = record["messageId"].as_str().unwrap_or_default();
        let is_reported = letters.iter().any(|letter| {
            letter.attribute("sourceMessageId").is_some_and(|sent| plain(sent) == plain(id))
                || Some(letter.body.as_str()) == record["body"].as_str()
        });
        let text = record.to_string();
        let is_settled = items.iter().any(|item| is_brought_by(item, &text));
        // An equal wish before it in the event speaks for it, by its own record.
        if !is_reported && !is_settled {
            found.push(format!("lost record {id}: {event}"));
        }
    }
}

/// The part of an id that SQS takes in an attribute as it is.
fn plain(id: &str) -> String {
    id.chars().filter(char::is_ascii_graphic).collect()
}

/// Whether the item came from this record: by its token, or by where it came from.
fn is_brought_by(item: &Value, record: &str) -> bool {
    let token = item["token"].as_str().and_then(|key| key.split_once('#')).map(|(_, token)| token);
    let source = item["source"].as_str().unwrap_or_default();
    let from = source.split(' ').nth(1).unwrap_or_default();
    token.is_some_and(|token| record.contains(token)) || (!from.is_empty() && record.contains(from))
}

/// No panic was caught, and the services, which check requests by themselves, refused none as
/// malformed.
fn check_world(world: &World, found: &mut Vec<String>) {
    for letter in world.dead_letters().messages() {
        let code = letter.attribute("errorCode").unwrap_or_default();
        let is_wrong =
            ["Panicked", "SerializationException", "ValidationException"].contains(&code);
        if is_wrong {
            let message = letter.attribute("errorMessage").unwrap_or_default();
            found.push(format!("{code}: {message}: {}", letter.body));
        }
    }
    for item in world.ledger_items() {
        if item["status"] == "CLAIMED" {
            found.push(format!("left CLAIMED: {item}"));
        }
    }
}

/// Every file in `events/`, of all functions.
static EVENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let folders = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../events"));
    let folders = folders.into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten());
    let texts = files.flatten().filter_map(|file| fs::read_to_string(file.path()).ok());
    texts.filter_map(|text| serde_json::from_str(&text).ok()).collect()
});

/// An event of some shape, as JSON: noise, a batch of noise, or a file of `events/` with something
/// changed.
pub fn event(rng: &mut Rng) -> String {
    match rng.u8(..8) {
        0 => json(rng, 4).to_string(),
        1 => batch(rng).to_string(),
        _ => {
            let mut event = EVENTS[rng.usize(..EVENTS.len())].clone();
            for _ in 0..rng.u8(..4) {
                mutate(rng, &mut event);
            }
            event.to_string()
        }
    }
}

/// A batch whose bodies are noise or JSON of any kind.
fn batch(rng: &mut Rng) -> Value {
    let records = (0..rng.u8(..4)).map(|place| {
        let body = if rng.bool() { noise(rng) } else { json(rng, 4).to_string() };
        let id = if rng.u8(..10) == 0 { String::new() } else { format!("m{place}") };
        json!({"messageId": id, "receiptHandle": "r", "body": body, "eventSource": "aws:sqs",
            "attributes": {}, "messageAttributes": {}, "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:other"})
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

fn noise(rng: &mut Rng) -> String {
    let bytes: Vec<u8> = (0..rng.usize(..40)).map(|_| rng.u8(..)).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn json(rng: &mut Rng, depth: u32) -> Value {
    match rng.u8(..if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => rng.bool().into(),
        2 => rng.i64(..).into(),
        3 => (rng.f64() * 1e12).into(),
        4 => noise(rng).into(),
        5 => (0..rng.u8(..4)).map(|_| json(rng, depth - 1)).collect(),
        _ => {
            let fields = (0..rng.u8(..4)).map(|_| (key(rng), json(rng, depth - 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

/// A name that means something, more often than not.
fn key(rng: &mut Rng) -> String {
    const KEYS: [&str; 14] = [
        "Records",
        "intents",
        "detail",
        "detail-type",
        "id",
        "scheduleArn",
        "scheduledTime",
        "clientToken",
        "notAfter",
        "whenBusy",
        "imagePipelineArn",
        "resourceArn",
        "Name",
        "tags",
    ];
    if rng.u8(..4) == 0 { noise(rng) } else { KEYS[rng.usize(..KEYS.len())].to_owned() }
}

/// Changes one place, some way down; a body that is JSON in a string is gone into as well.
fn mutate(rng: &mut Rng, value: &mut Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() && rng.u8(..5) > 0 => {
            let names: Vec<_> = fields.keys().cloned().collect();
            let name = &names[rng.usize(..names.len())];
            match rng.u8(..10) {
                0 => drop(fields.remove(name)),
                1 => drop(fields.insert(key(rng), json(rng, 2))),
                _ => fields.get_mut(name).into_iter().for_each(|field| mutate(rng, field)),
            }
        }
        Value::Array(values) if !values.is_empty() && rng.u8(..5) > 0 => {
            let place = rng.usize(..values.len());
            match rng.u8(..8) {
                0 => drop(values.remove(place)),
                1 => values.push(values[place].clone()),
                _ => mutate(rng, &mut values[place]),
            }
        }
        Value::String(text) if rng.u8(..4) > 0 => match serde_json::from_str::<Value>(text) {
            Ok(mut inner) if inner.is_object() => {
                mutate(rng, &mut inner);
                *text = inner.to_string();
            }
            _ => *text = mutated(rng, text),
        },
        other => *other = json(rng, 2),
    }
}

/// A text with one character changed, added or taken away.
fn mutated(rng: &mut Rng, text: &str) -> String {
    let mut characters: Vec<_> = text.chars().collect();
    let place = rng.usize(..=characters.len());
    let fresh = rng.char('\u{0}'..='\u{FFFF}');
    match rng.u8(..3) {
        0 if place < characters.len() => characters[place] = fresh,
        1 if place < characters.len() => drop(characters.remove(place)),
        _ => characters.insert(place, fresh),
    }
    characters.into_iter().collect()
}
