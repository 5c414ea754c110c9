//! A wish: an intent with the identity that it keeps on every attempt.

use std::borrow::Cow;

use serde_json::Value;

use crate::failure::Reason;
use crate::fingerprint::fingerprint;
use crate::intent::{CLIENT_TOKEN, Intent, given_token};
use crate::json;
use crate::operation::{Operation, Request};
use crate::token::{Source, Token};
use crate::trigger::{Draft, SCHEDULE_ARN, SCHEDULED_TIME};

/// An intent that may be carried out.
#[derive(Clone, Debug)]
pub struct Wish<R> {
    /// What identifies it.
    pub token: Token,
    /// The resource that it is about.
    pub target: String,
    /// Where it came from.
    pub source: Source,
    /// Whether another request is the same.
    pub fingerprint: String,
    /// What was asked.
    pub intent: Intent<R>,
    /// The original intent with the token frozen in it, so that it stays the same wish wherever
    /// it is sent.
    pub frozen: String,
}

/// An intent that cannot be carried out, whatever the ledger holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What identifies it, as far as that can be told.
    pub token: Token,
    /// What is wrong, and what was expected.
    pub reason: Reason,
    /// The body of its dead letter.
    pub body: String,
}

impl<R: Request> Wish<R> {
    /// Gives a draft its identity, if it is a valid intent.
    ///
    /// # Errors
    /// The refusal, with every finding in its reason.
    pub fn of<O: Operation<Request = R>>(draft: &Draft) -> Result<Self, Box<Refusal>> {
        let refuse = |message| Box::new(Refusal::of::<O>(draft, message));
        let Value::Object(fields) = &draft.intent else {
            let found = json::kind(&draft.intent);
            return Err(refuse(format!("the intent is {found}, expected an object")));
        };
        let intent = Intent::parse::<O>(fields).map_err(|findings| refuse(findings.to_string()))?;
        let fingerprint = fingerprint(O::NAME, &intent.request)
            .map_err(|error| refuse(format!("the request cannot be written as JSON ({error})")))?;
        let target = intent.request.target();
        let token = match given_token::<O>(fields) {
            Ok(Some(token)) => token,
            _ => Token::derive(O::NAME, &target, &draft.source, draft.ordinal),
        };
        let frozen = frozen(&draft.intent, &token);
        Ok(Self { token, target, source: draft.source.clone(), fingerprint, intent, frozen })
    }

    /// The frozen intent as it goes to the function's own queue: what a schedule brought stays
    /// the schedule's. A dead letter does not: sending it anew is a person's decision, and another
    /// source.
    #[must_use]
    pub fn deferred(&self) -> Cow<'_, str> {
        let Source::Schedule { arn, time } = &self.source else { return (&self.frozen).into() };
        let mut intent: Value = serde_json::from_str(&self.frozen).unwrap_or_default();
        let Value::Object(fields) = &mut intent else { return (&self.frozen).into() };
        fields.insert(SCHEDULE_ARN.to_owned(), arn.as_str().into());
        fields.insert(SCHEDULED_TIME.to_owned(), time.to_string().into());
        intent.to_string().into()
    }
}

impl Refusal {
    fn of<O: Operation>(draft: &Draft, message: String) -> Self {
        let given = draft.intent.as_object().map_or(Ok(None), given_token::<O>);
        let derive = || Token::derive(O::NAME, "", &draft.source, draft.ordinal);
        let (token, body) = match given {
            Ok(given) => {
                let token = given.unwrap_or_else(derive);
                let body = frozen(&draft.intent, &token);
                (token, body)
            }
            // Its token is a part of what is wrong with it, and stays as it is.
            Err(_) => (derive(), draft.intent.to_string()),
        };
        Self { token, reason: Reason::new(Reason::INVALID_INTENT, message), body }
    }
}

fn frozen(intent: &Value, token: &Token) -> String {
    let mut intent = intent.clone();
    if let Value::Object(fields) = &mut intent {
        fields.insert(CLIENT_TOKEN.to_owned(), token.as_str().into());
    }
    intent.to_string()
}
