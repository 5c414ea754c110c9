//! Client tokens, and the answers that they stand for.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// What one operation remembers: for each token of each owner, the request and its answer.
#[derive(Debug)]
pub(crate) struct Tokens<R>(BTreeMap<(String, String), (R, Value)>);

/// A token that was used before with other parameters.
#[derive(Debug)]
pub(crate) struct Mismatch(String);

impl<R> Default for Tokens<R> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<R: PartialEq> Tokens<R> {
    /// The original answer, where the token is known.
    pub(crate) fn answer(
        &self,
        owner: &str,
        token: &str,
        request: &R,
    ) -> Result<Option<Value>, Mismatch> {
        match self.0.get(&(owner.to_owned(), token.to_owned())) {
            None => Ok(None),
            Some((original, answer)) if original == request => Ok(Some(answer.clone())),
            Some(_) => Err(Mismatch(token.to_owned())),
        }
    }

    pub(crate) fn remember(&mut self, owner: &str, token: &str, request: R, answer: Value) {
        self.0.insert((owner.to_owned(), token.to_owned()), (request, answer));
    }

    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "client token '{}' was used before with other parameters", self.0)
    }
}
