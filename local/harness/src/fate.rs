//! What becomes of a record whose wish meets a failure.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use shared::Operation;

use crate::function::Function;

/// The ledger's status, the fate of the record, and how long until it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// STARTED, and the record is acknowledged.
    Started,
    /// DEFERRED, and the record comes again after one to this many seconds, by chance.
    Within(u64),
    /// DEFERRED, and the record comes again after exactly this many seconds.
    After(u64),
    /// The same as [`Self::Within`], and in doubt: the call may have been carried out.
    InDoubtWithin(u64),
    /// REJECTED, a dead letter, and the record is acknowledged.
    Dead,
}

/// What is seen of a record after its first delivery.
#[derive(Debug)]
pub struct Seen {
    status: Value,
    code: String,
    in_doubt: bool,
    comes_again_after: Option<Duration>,
    dead_letters: Vec<String>,
}

impl Seen {
    /// The ledger's `errorCode`; empty where there is none.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Whether this is that fate, and nothing besides.
    #[must_use]
    pub fn is(&self, fate: Fate) -> bool {
        let again = |expected: &dyn Fn(u64) -> bool, in_doubt| {
            self.status == "DEFERRED"
                && self.in_doubt == in_doubt
                && self.dead_letters.is_empty()
                && self.comes_again_after.is_some_and(|after| expected(after.as_secs()))
        };
        match fate {
            Fate::Started => self.is_over("STARTED") && self.dead_letters.is_empty(),
            Fate::Within(most) => again(&|after| (1..=most).contains(&after), false),
            Fate::After(exactly) => again(&|after| after == exactly, false),
            Fate::InDoubtWithin(most) => again(&|after| (1..=most).contains(&after), true),
            Fate::Dead => self.is_over("REJECTED") && self.dead_letters == [self.code.clone()],
        }
    }

    fn is_over(&self, status: &str) -> bool {
        self.status == status && !self.in_doubt && self.comes_again_after.is_none()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl<O: Operation> Function<O> {
    /// Sends a wish with this token by the function's own queue, delivers it once, and looks.
    ///
    /// # Panics
    /// Where the record was returned and is gone, or was not returned and is still there.
    pub async fn see(&self, token: &str, wish: &Value) -> Seen {
        let queue = self.world.queue();
        let id = queue.send(&wish.to_string());
        let returned = self.deliver(queue).await.unwrap_or_default().contains(&id);
        let left = queue.messages().into_iter().find(|message| message.id == id);
        let now = self.world.clock.now();
        let item = self.item(token);
        Seen {
            status: item["status"].clone(),
            code: item["errorCode"].as_str().unwrap_or_default().to_owned(),
            in_doubt: item["doubtSince"].is_number(),
            comes_again_after: match (returned, left) {
                (true, Some(left)) => left.visible_at.duration_since(now).ok(),
                (false, None) => None,
                (returned, left) => panic!("returned: {returned}, and yet in the queue: {left:?}"),
            },
            dead_letters: self.dead_letters().into_iter().map(|(code, _)| code).collect(),
        }
    }
}
