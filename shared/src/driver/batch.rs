//! The wishes of one event, and which of them may be carried out together.

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::outcome::panicked;
use crate::failure::Reason;
use crate::intent::Control;
use crate::operation::{Operation, Request};
use crate::token::{Source, Token};
use crate::trigger::{Carrier, Draft, Trigger};
use crate::wish::{Refusal, Wish};

/// An event, parsed.
pub(super) struct Batch<'a, R> {
    pub(super) is_queue: bool,
    pub(super) carriers: Vec<&'a Carrier>,
    /// In the order of the event.
    pub(super) tasks: Vec<Task<R>>,
}

/// One intent of an event.
pub(super) struct Task<R> {
    /// Its carrier, by place.
    pub(super) carrier: usize,
    /// Its message group, on FIFO queues: the queue and the group.
    pub(super) group: Option<(String, String)>,
    pub(super) placeholder: bool,
    pub(super) matter: Matter<R>,
}

/// What a task is about.
pub(super) enum Matter<R> {
    Wish(Box<Wish<R>>),
    Refused(Box<Refusal>),
    /// The same wish as an earlier task.
    SameAs(usize),
}

/// What two wishes of one round must not share.
#[derive(PartialEq, Eq, Hash)]
enum Lane<'a> {
    Token(&'a Token),
    Target(&'a str),
    Group(&'a (String, String)),
}

impl<'a, R: Request> Batch<'a, R> {
    pub(super) fn of<O: Operation<Request = R>>(trigger: &'a Trigger) -> Self {
        let (is_queue, carriers) = match trigger {
            Trigger::Queue(carriers) => (true, carriers.iter().collect()),
            Trigger::Direct(carrier) => (false, vec![carrier]),
        };
        let mut batch = Self { is_queue, carriers, tasks: Vec::new() };
        for (place, carrier) in batch.carriers.clone().into_iter().enumerate() {
            batch.add::<O>(place, carrier);
        }
        batch.coalesce();
        batch
    }

    fn add<O: Operation<Request = R>>(&mut self, place: usize, carrier: &Carrier) {
        let group = carrier
            .record
            .as_ref()
            .and_then(|record| record.group.clone().map(|group| (record.queue_arn.clone(), group)));
        let task = |placeholder, matter| Task {
            carrier: place,
            group: group.clone(),
            placeholder,
            matter,
        };
        match &carrier.drafts {
            Ok(drafts) => self
                .tasks
                .extend(drafts.iter().map(|draft| task(draft.placeholder, matter::<O>(draft)))),
            Err(reason) => {
                let refusal = Refusal {
                    token: Token::derive(O::NAME, "", &carrier.source, 0),
                    reason: reason.clone(),
                    body: carrier.body.clone(),
                };
                self.tasks.push(task(false, Matter::Refused(Box::new(refusal))));
            }
        }
    }

    /// Equal wishes are one wish: the first is claimed, for all of them.
    fn coalesce(&mut self) {
        let mut firsts: HashMap<(Token, String, Control), usize> = HashMap::new();
        for (index, task) in self.tasks.iter_mut().enumerate() {
            let Matter::Wish(wish) = &task.matter else { continue };
            let identity = (wish.token.clone(), wish.fingerprint.clone(), wish.intent.control);
            let first = *firsts.entry(identity).or_insert(index);
            if first != index {
                task.matter = Matter::SameAs(first);
            }
        }
    }

    /// The tasks, by place, in rounds: within a round no two share a token, a target or a message
    /// group, and a task comes after every earlier one that it shares something with.
    pub(super) fn rounds(&self) -> Vec<Vec<usize>> {
        let mut rounds: Vec<Vec<usize>> = Vec::new();
        let mut next_free: HashMap<Lane<'_>, usize> = HashMap::new();
        for (index, task) in self.tasks.iter().enumerate() {
            let lanes = self.lanes(task);
            let round =
                lanes.iter().filter_map(|lane| next_free.get(lane)).max().copied().unwrap_or(0);
            next_free.extend(lanes.into_iter().map(|lane| (lane, round + 1)));
            rounds.resize_with(rounds.len().max(round + 1), Vec::new);
            rounds[round].push(index);
        }
        rounds
    }

    fn lanes<'b>(&'b self, task: &'b Task<R>) -> Vec<Lane<'b>> {
        let mut lanes: Vec<_> = task.group.iter().map(Lane::Group).collect();
        if let Some(wish) = self.wish(task) {
            lanes.extend([Lane::Token(&wish.token), Lane::Target(&wish.target)]);
        }
        lanes
    }

    /// The wish that the task is, or that it is the same as.
    pub(super) fn wish<'b>(&'b self, task: &'b Task<R>) -> Option<&'b Wish<R>> {
        match &task.matter {
            Matter::Wish(wish) => Some(wish),
            Matter::SameAs(first) => self.wish(&self.tasks[*first]),
            Matter::Refused(_) => None,
        }
    }

    pub(super) fn token<'b>(&'b self, task: &'b Task<R>) -> &'b Token {
        match &task.matter {
            Matter::Wish(wish) => &wish.token,
            Matter::Refused(refusal) => &refusal.token,
            Matter::SameAs(first) => self.token(&self.tasks[*first]),
        }
    }

    /// The text that stands for the task wherever it is sent.
    pub(super) fn body<'b>(&'b self, task: &'b Task<R>) -> &'b str {
        match &task.matter {
            Matter::Wish(wish) => &wish.frozen,
            Matter::Refused(refusal) => &refusal.body,
            Matter::SameAs(first) => self.body(&self.tasks[*first]),
        }
    }

    /// The text that brings the task again by the function's own queue.
    pub(super) fn deferred_body<'b>(&'b self, task: &'b Task<R>) -> Cow<'b, str> {
        self.wish(task).map_or_else(|| self.body(task).into(), Wish::deferred)
    }

    pub(super) fn carrier(&self, task: &Task<R>) -> &'a Carrier {
        self.carriers[task.carrier]
    }

    /// How often its message has been received, this time included; zero where no queue counts.
    pub(super) fn receives(&self, task: &Task<R>) -> u32 {
        self.carrier(task).record.as_ref().map_or(0, |record| record.receive_count)
    }

    /// Whether its carrier carries others too, and so must not come back for it.
    pub(super) fn shares_carrier(&self, task: &Task<R>) -> bool {
        self.tasks.iter().filter(|other| other.carrier == task.carrier).nth(1).is_some()
    }

    /// The id of what brought it.
    pub(super) fn source_id(&self, task: &Task<R>) -> &'a str {
        match &self.carrier(task).source {
            Source::Message(id) | Source::Request(id) | Source::Event(id) => id,
            Source::Schedule { arn, .. } => arn,
        }
    }
}

fn matter<O: Operation>(draft: &Draft) -> Matter<O::Request> {
    let parsed = catch_unwind(AssertUnwindSafe(|| Wish::of::<O>(draft)));
    match parsed {
        Ok(Ok(wish)) => Matter::Wish(Box::new(wish)),
        Ok(Err(refusal)) => Matter::Refused(refusal),
        Err(panic) => Matter::Refused(Box::new(Refusal {
            token: Token::derive(O::NAME, "", &draft.source, draft.ordinal),
            reason: Reason::new(Reason::PANICKED, panicked(panic.as_ref()).message),
            body: draft.intent.to_string(),
        })),
    }
}
