//! The service: an operation with a client token, or an image builder without one.

use crate::times::{BUILDER_STARTS, BUILDER_STOPS, TOKEN_MEMORY};

/// Which kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `StartImagePipelineExecution` and the like: AWS remembers client tokens.
    Tokened,
    /// `StartImageBuilder`: no token, but a state that is described first.
    Builder,
}

/// What is true of the service, whoever knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Aws {
    /// How often the wish was carried out.
    pub effects: u8,
    /// The client tokens with which, when, and as which effect.
    tokens: Vec<(u8, u8, u8)>,
    /// The builder, where the operation is about one.
    pub builder: Builder,
}

/// The state of an image builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Builder {
    /// It can be started.
    Stopped,
    /// On its way to RUNNING since then.
    Pending(u8),
    /// It runs.
    Running,
    /// On its way to STOPPED since then.
    Stopping(u8),
}

/// What AWS answers to a call that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Carried out, now or before, as this effect.
    Accepted(u8),
    /// Not in this state.
    Refused,
}

impl Aws {
    /// Before the wish; a builder may just be stopping.
    #[must_use]
    pub const fn new(builder: Builder) -> Self {
        Self { effects: 0, tokens: Vec::new(), builder }
    }

    /// A call arrives.
    pub fn start(&mut self, operation: Operation, token: u8, now: u8) -> Answer {
        match operation {
            Operation::Tokened => self.start_with_token(token, now),
            Operation::Builder if self.builder == Builder::Stopped => {
                self.builder = Builder::Pending(now);
                Answer::Accepted(self.carry_out())
            }
            Operation::Builder => Answer::Refused,
        }
    }

    fn start_with_token(&mut self, token: u8, now: u8) -> Answer {
        self.tokens.retain(|(_, at, _)| now - at <= TOKEN_MEMORY);
        if let Some((_, _, effect)) = self.tokens.iter().find(|(known, _, _)| *known == token) {
            return Answer::Accepted(*effect);
        }
        let effect = self.carry_out();
        self.tokens.push((token, now, effect));
        Answer::Accepted(effect)
    }

    /// The client tokens that it remembers, or did.
    pub fn tokens(&self) -> impl Iterator<Item = u8> + '_ {
        self.tokens.iter().map(|(token, _, _)| *token)
    }

    fn carry_out(&mut self) -> u8 {
        self.effects += 1;
        self.effects
    }

    /// What passes by itself.
    pub fn tick(&mut self, now: u8) {
        self.builder = match self.builder {
            Builder::Pending(since) if now - since >= BUILDER_STARTS => Builder::Running,
            Builder::Stopping(since) if now - since >= BUILDER_STOPS => Builder::Stopped,
            builder => builder,
        };
    }
}
