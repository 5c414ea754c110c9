//! A message and the attributes that its sender gave it.

use std::collections::BTreeMap;
use std::time::SystemTime;

/// A message attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// `String`, `Number` or `Binary`, perhaps with a label behind a dot.
    pub data_type: String,
    /// The bytes of the text, or the bytes themselves.
    pub value: Vec<u8>,
}

impl Attribute {
    /// An attribute of type `String`.
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self::new("String", text.as_bytes())
    }

    /// An attribute of type `Number`.
    #[must_use]
    pub fn number(digits: &str) -> Self {
        Self::new("Number", digits.as_bytes())
    }

    /// An attribute of type `Binary`.
    #[must_use]
    pub fn binary(bytes: &[u8]) -> Self {
        Self::new("Binary", bytes)
    }

    pub(crate) fn new(data_type: &str, value: &[u8]) -> Self {
        Self { data_type: data_type.to_owned(), value: value.to_owned() }
    }

    /// The text of a String or Number.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if self.is_binary() {
            return None;
        }
        std::str::from_utf8(&self.value).ok()
    }

    pub(crate) fn is_binary(&self) -> bool {
        self.data_type.split('.').next() == Some("Binary")
    }

    pub(crate) fn size(&self) -> usize {
        self.data_type.len() + self.value.len()
    }
}

/// The attributes of a message by their names.
pub type Attributes = BTreeMap<String, Attribute>;

/// A message in a queue, visible or not.
#[derive(Clone, Debug)]
pub struct Message {
    /// `messageId`.
    pub id: String,
    /// The body, verbatim.
    pub body: String,
    /// The attributes its sender gave.
    pub attributes: Attributes,
    /// `MessageGroupId`.
    pub group: Option<String>,
    /// FIFO: `MessageDeduplicationId`.
    pub dedup: Option<String>,
    /// FIFO: `SequenceNumber`.
    pub sequence: Option<String>,
    /// When it was sent.
    pub sent_at: SystemTime,
    /// When it can be received (again); not after now means at once.
    pub visible_at: SystemTime,
    /// `ApproximateReceiveCount`.
    pub receive_count: u32,
    /// When it was received first.
    pub first_received_at: Option<SystemTime>,
    /// When it was received last.
    pub(crate) received_at: SystemTime,
    /// Every receipt handle it was given out with; only the last one is good.
    pub(crate) receipts: Vec<String>,
}

impl Message {
    /// The text of a String or Number attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(Attribute::text)
    }

    pub(crate) fn is_visible(&self, now: SystemTime) -> bool {
        self.visible_at <= now
    }

    /// Received, and neither deleted nor visible again.
    pub(crate) fn is_in_flight(&self, now: SystemTime) -> bool {
        self.receive_count > 0 && !self.is_visible(now)
    }

    pub(crate) fn body_md5(&self) -> String {
        format!("{:x}", md5::compute(&self.body))
    }

    pub(crate) fn attributes_md5(&self) -> Option<String> {
        attributes_md5(&self.attributes)
    }
}

/// The digest that SQS documents: over names, types and values in the order of the names, each
/// behind its length, the values behind their kind.
fn attributes_md5(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut bytes = Vec::new();
    for (name, attribute) in attributes {
        push_with_length(&mut bytes, name.as_bytes());
        push_with_length(&mut bytes, attribute.data_type.as_bytes());
        bytes.push(if attribute.is_binary() { 2 } else { 1 });
        push_with_length(&mut bytes, &attribute.value);
    }
    Some(format!("{:x}", md5::compute(bytes)))
}

fn push_with_length(bytes: &mut Vec<u8>, part: &[u8]) {
    // A message is far smaller than what 32 bits can count.
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(part);
}
