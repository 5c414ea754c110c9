//! One queue: what it does with messages, and a test's hand on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use simulator::{Clock, ServiceError};
use uuid::Uuid;

use crate::event_source::Batch;
use crate::letter::{Letter, invalid};
use crate::message::{Attributes, Message};
use crate::must::must;

/// The longest that a message can be invisible after it was received.
const VISIBILITY_LIMIT: Duration = Duration::from_hours(12);
const RETENTION: Duration = Duration::from_hours(14 * 24);
const DEDUPLICATION: Duration = Duration::from_mins(5);

/// A queue. Clones are one queue. Nothing that a test does here passes the proxy.
#[derive(Clone, Debug)]
pub struct Queue {
    name: String,
    url: String,
    clock: Clock,
    redrive: Option<Box<Redrive>>,
    state: Arc<Mutex<State>>,
}

/// Where messages go that were received this often.
#[derive(Clone, Debug)]
pub(crate) struct Redrive {
    pub(crate) dead_letters: Queue,
    pub(crate) max_receive_count: u32,
}

#[derive(Debug)]
struct State {
    visibility_timeout: Duration,
    messages: Vec<Message>,
    sent: u64,
    /// FIFO: what was sent under each deduplication id.
    deduplication: HashMap<String, Message>,
    /// The receipt handles of messages that were deleted.
    spent: Vec<String>,
}

impl Queue {
    pub(crate) fn new(name: &str, endpoint: &str, clock: Clock, redrive: Option<Redrive>) -> Self {
        let state = State {
            visibility_timeout: Duration::from_mins(3),
            messages: Vec::new(),
            sent: 0,
            deduplication: HashMap::new(),
            spent: Vec::new(),
        };
        Self {
            name: name.to_owned(),
            url: format!("{endpoint}/123456789012/{name}"),
            clock,
            redrive: redrive.map(Box::new),
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// `http://127.0.0.1:PORT/123456789012/NAME`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `arn:aws:sqs:us-east-1:123456789012:NAME`.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:sqs:us-east-1:123456789012:{}", self.name)
    }

    /// Sends a message to a standard queue and returns its `messageId`.
    #[expect(clippy::must_use_candidate, reason = "most callers want what it does")]
    pub fn send(&self, body: &str) -> String {
        self.send_with(body, Attributes::new(), None, None)
    }

    /// Sends a message and returns its `messageId`. A FIFO queue wants both group and dedup.
    pub fn send_with(
        &self,
        body: &str,
        attributes: Attributes,
        group: Option<&str>,
        dedup: Option<&str>,
    ) -> String {
        let letter = Letter {
            body: body.to_owned(),
            attributes,
            delay: None,
            group: group.map(str::to_owned),
            dedup: dedup.map(str::to_owned),
        };
        must("the message is sent", self.take_in(letter)).id
    }

    /// Every message in the queue, visible or not, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.state().messages.clone()
    }

    /// Receives up to `max` messages as Lambda's event source mapping does.
    /// None where no message is visible.
    #[must_use]
    pub fn poll(&self, max: usize) -> Option<Batch> {
        let messages = self.receive(max, None);
        (!messages.is_empty()).then(|| Batch::new(self.clone(), &messages))
    }

    /// Sets the queue's default visibility time-out; 180 s until told otherwise.
    pub fn set_visibility_timeout(&self, timeout: Duration) {
        self.state().visibility_timeout = timeout;
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn redrive(&self) -> Option<&Redrive> {
        self.redrive.as_deref()
    }

    pub(crate) fn visibility_timeout(&self) -> Duration {
        self.state().visibility_timeout
    }

    pub(crate) fn is_fifo(&self) -> bool {
        has_fifo_name(&self.name)
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Takes a message in, or recognises it as one that was sent minutes ago.
    pub(crate) fn take_in(&self, letter: Letter) -> Result<Message, ServiceError> {
        letter.check(self.is_fifo())?;
        let now = self.now();
        let mut state = self.state();
        if let Some(known) = letter.dedup.as_ref().and_then(|dedup| state.sent_lately(dedup, now)) {
            return Ok(known);
        }
        let message = state.message(letter, self.is_fifo(), now);
        state.messages.push(message.clone());
        if let Some(dedup) = message.dedup.clone() {
            state.deduplication.insert(dedup, message.clone());
        }
        Ok(message)
    }

    /// Gives out up to `max` visible messages, and the ones received too often to the dead letters.
    pub(crate) fn receive(&self, max: usize, visibility: Option<Duration>) -> Vec<Message> {
        let now = self.now();
        let mut state = self.state();
        state.forget_expired(now);
        if let Some(redrive) = &self.redrive {
            let dead = state.take_dead(redrive.max_receive_count, now);
            redrive.dead_letters.state().messages.extend(dead);
        }
        let until = now + visibility.unwrap_or(state.visibility_timeout);
        state.give_out(max, self.is_fifo(), now, until)
    }

    /// Deletes by receipt handle. An outdated handle deletes nothing and is no error, as on AWS.
    pub(crate) fn delete(&self, receipt: &str) -> Result<(), ServiceError> {
        let now = self.now();
        let mut state = self.state();
        let Some(message) = state.find(receipt)? else {
            return Ok(());
        };
        if self.is_fifo() && !message.is_in_flight(now) {
            let reason = "The receipt handle has expired.";
            return Err(invalid(&format!(
                "Value {receipt} for parameter ReceiptHandle is invalid. Reason: {reason}"
            )));
        }
        let id = message.id.clone();
        state.remove(&id);
        Ok(())
    }

    pub(crate) fn change_visibility(
        &self,
        receipt: &str,
        timeout: Duration,
    ) -> Result<(), ServiceError> {
        let now = self.now();
        let mut state = self.state();
        let message = state.find(receipt)?.filter(|message| message.is_in_flight(now));
        let Some(message) = message else {
            let message = "the message referred to isn't in flight";
            return Err(ServiceError::new("MessageNotInflight", 400, message));
        };
        let until = now + timeout;
        if until > message.received_at + VISIBILITY_LIMIT {
            return Err(invalid(
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
            ));
        }
        message.visible_at = until;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn sent_lately(&self, dedup: &str, now: SystemTime) -> Option<Message> {
        let known = self.deduplication.get(dedup)?;
        (now < known.sent_at + DEDUPLICATION).then(|| known.clone())
    }

    fn message(&mut self, letter: Letter, fifo: bool, now: SystemTime) -> Message {
        self.sent += 1;
        Message {
            id: Uuid::new_v4().to_string(),
            body: letter.body,
            attributes: letter.attributes,
            group: letter.group,
            dedup: letter.dedup,
            sequence: fifo.then(|| format!("{:020}", self.sent)),
            sent_at: now,
            visible_at: now + letter.delay.unwrap_or_default(),
            receive_count: 0,
            first_received_at: None,
            received_at: now,
            receipts: Vec::new(),
        }
    }

    fn forget_expired(&mut self, now: SystemTime) {
        self.messages.retain(|message| now < message.sent_at + RETENTION);
    }

    fn take_dead(&mut self, max_receive_count: u32, now: SystemTime) -> Vec<Message> {
        let dead = |message: &mut Message| {
            message.is_visible(now) && message.receive_count >= max_receive_count
        };
        let mut dead: Vec<_> = self.messages.extract_if(.., dead).collect();
        for message in &mut dead {
            self.spent.append(&mut message.receipts);
            message.receive_count = 0;
            message.first_received_at = None;
        }
        dead
    }

    /// In the order of sending. In a FIFO queue, nothing of a group overtakes what is in flight.
    fn give_out(
        &mut self,
        max: usize,
        fifo: bool,
        now: SystemTime,
        until: SystemTime,
    ) -> Vec<Message> {
        let blocked: Vec<_> = self.groups_in_flight(fifo, now);
        let free =
            |message: &&mut Message| message.is_visible(now) && !blocked.contains(&message.group);
        let chosen = self.messages.iter_mut().filter(free).take(max);
        chosen.map(|message| received(message, now, until)).collect()
    }

    fn groups_in_flight(&self, fifo: bool, now: SystemTime) -> Vec<Option<String>> {
        let in_flight = self.messages.iter().filter(|message| fifo && message.is_in_flight(now));
        in_flight.map(|message| message.group.clone()).collect()
    }

    /// The message that a handle stands for: none where the handle is outdated or its message gone.
    fn find(&mut self, receipt: &str) -> Result<Option<&mut Message>, ServiceError> {
        let is_known = |receipts: &[String]| receipts.iter().any(|known| known == receipt);
        let gone = is_known(&self.spent);
        let message = self.messages.iter_mut().find(|message| is_known(&message.receipts));
        if message.is_none() && !gone {
            let message =
                format!("The input receipt handle \"{receipt}\" is not a valid receipt handle.");
            return Err(ServiceError::new("ReceiptHandleIsInvalid", 400, message));
        }
        Ok(message.filter(|message| message.receipts.last().is_some_and(|last| last == receipt)))
    }

    fn remove(&mut self, id: &str) {
        for mut message in self.messages.extract_if(.., |message| message.id == id) {
            self.spent.append(&mut message.receipts);
        }
    }
}

fn received(message: &mut Message, now: SystemTime, until: SystemTime) -> Message {
    message.receive_count += 1;
    message.first_received_at.get_or_insert(now);
    message.received_at = now;
    message.visible_at = until;
    message.receipts.push(Uuid::new_v4().to_string());
    message.clone()
}

// SQS tells the two types apart by this ending, in lower case only.
fn has_fifo_name(name: &str) -> bool {
    name.strip_suffix(".fifo").is_some()
}
