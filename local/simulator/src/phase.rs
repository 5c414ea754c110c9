//! A state that becomes another as time passes.

use std::time::{Duration, SystemTime};

/// A state by its name, and perhaps what it is on the way to.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    state: String,
    next: Option<(SystemTime, String)>,
}

impl Phase {
    /// A state that stays until something happens.
    pub(crate) fn resting(state: &str) -> Self {
        Self { state: state.to_owned(), next: None }
    }

    /// A state that has become `end` after this time.
    pub(crate) fn passing(state: &str, end: &str, now: SystemTime, time: Duration) -> Self {
        Self { state: state.to_owned(), next: Some((now + time, end.to_owned())) }
    }

    pub(crate) fn at(&self, now: SystemTime) -> &str {
        match &self.next {
            Some((end, next)) if *end <= now => next,
            _ => &self.state,
        }
    }

    /// When it became what it is on the way to, if it has by now.
    pub(crate) fn ended(&self, now: SystemTime) -> Option<SystemTime> {
        self.next.as_ref().map(|(end, _)| *end).filter(|end| *end <= now)
    }

    /// Gets where it is on the way to, at once.
    pub(crate) fn finish(&mut self, now: SystemTime) {
        if let Some((end, _)) = &mut self.next {
            *end = now.min(*end);
        }
    }
}
