//! What Nimble knows: sessions by studio and id, and the answers it gave to client tokens.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};

use super::session::Session;
use super::target;
use crate::error::ServiceError;
use crate::service::{Asked, Done};
use crate::tokens::Tokens;

/// The state of the service.
#[derive(Debug)]
pub struct Studios {
    pub(super) start_time: Duration,
    pub(super) stop_time: Duration,
    sessions: BTreeMap<String, Session>,
    tokens: Tokens<Start>,
}

/// The request of `StartStreamingSession`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Start {
    studio: String,
    session: String,
    backup: Option<String>,
}

impl Start {
    pub(super) fn read(asked: &Asked) -> Result<Self, ServiceError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            backup_id: Option<String>,
        }
        // The first version of the operation had no body.
        let body = if asked.body.is_empty() { b"{}" } else { asked.body.as_ref() };
        let body: Body = serde_json::from_slice(body)
            .map_err(|error| invalid(format!("the body cannot be read: {error}")))?;
        Ok(Self {
            studio: asked.label("studioId").to_owned(),
            session: asked.label("sessionId").to_owned(),
            backup: body.backup_id,
        })
    }
}

impl Default for Studios {
    fn default() -> Self {
        Self {
            start_time: Duration::from_mins(5),
            stop_time: Duration::from_mins(2),
            sessions: BTreeMap::new(),
            tokens: Tokens::default(),
        }
    }
}

impl Studios {
    /// Without a token each request is one of its own.
    pub(super) fn start(
        &mut self,
        start: Start,
        token: Option<&str>,
        now: SystemTime,
    ) -> Result<Done<Value>, ServiceError> {
        let Some(token) = token else {
            return Ok(Done::to(start.target(), self.begin(&start, now)?));
        };
        if !(1..=64).contains(&token.len()) {
            let length = token.len();
            return Err(invalid(format!("found a token of {length} characters, expected 1 to 64")));
        }
        let original = self.tokens.answer("", token, &start);
        if let Some(answer) = original.map_err(|mismatch| invalid(mismatch.to_string()))? {
            return Ok(answer.into());
        }
        let answer = self.begin(&start, now)?;
        let target = start.target();
        self.tokens.remember("", token, start, answer.clone());
        Ok(Done::to(target, answer))
    }

    /// The effect.
    fn begin(&mut self, start: &Start, now: SystemTime) -> Result<Value, ServiceError> {
        let time = self.start_time;
        let session = self.session(&start.studio, &start.session)?;
        session.refuse_unless_stopped(now)?;
        session.start(start.backup.clone(), now, time);
        Ok(json!({"session": session.describe(now)}))
    }

    pub(super) fn get(
        &mut self,
        studio_id: &str,
        session_id: &str,
        now: SystemTime,
    ) -> Result<Done<Value>, ServiceError> {
        let session = self.session(studio_id, session_id)?;
        Ok(json!({"session": session.describe(now)}).into())
    }

    pub(super) fn create(
        &mut self,
        studio_id: &str,
        session_id: &str,
        state: &str,
        now: SystemTime,
    ) {
        let session = Session::new(session_id, state, now);
        self.sessions.insert(target(studio_id, session_id), session);
    }

    pub(super) fn stop(
        &mut self,
        studio_id: &str,
        session_id: &str,
        now: SystemTime,
    ) -> Result<(), ServiceError> {
        let time = self.stop_time;
        self.session(studio_id, session_id)?.stop(now, time);
        Ok(())
    }

    pub(super) fn finish(&mut self, now: SystemTime) {
        self.sessions.values_mut().for_each(|session| session.finish(now));
    }

    pub(super) fn forget_tokens(&mut self) {
        self.tokens.forget();
    }

    pub(super) fn session(
        &mut self,
        studio_id: &str,
        session_id: &str,
    ) -> Result<&mut Session, ServiceError> {
        let target = target(studio_id, session_id);
        self.sessions.get_mut(&target).ok_or_else(|| {
            let message = format!("the streaming session '{target}' cannot be found");
            ServiceError::new("ResourceNotFoundException", 404, message)
        })
    }

    pub(super) fn states(&self, now: SystemTime) -> BTreeMap<String, String> {
        let states = self.sessions.iter();
        states.map(|(target, session)| (target.clone(), session.state(now).to_owned())).collect()
    }
}

impl Start {
    fn target(&self) -> String {
        target(&self.studio, &self.session)
    }
}

fn invalid(message: String) -> ServiceError {
    ServiceError::new("ValidationException", 400, message)
}
