//! What may happen, how often, and what must hold in every state.

use std::collections::BTreeSet;

use stateright::{Model, Property};

use crate::aws::{Answer, Aws, Builder, Operation};
use crate::driver::{self, Kind, Step, Verdict, Wish, Worker};
use crate::ledger::{
    self, Claim, Claiming, Item, Lease, Next, Reason, Settlement, Statement, Status,
};
use crate::protocol::{Protocol, TokenOf};
use crate::times::{BEGIN, DELAY, LATE, LEASE_MARGIN, SKEW, SOON, TIMEOUT, VISIBILITY};

/// A protocol, an operation, and what may go wrong.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The protocol.
    pub protocol: Protocol,
    /// The operation.
    pub operation: Operation,
    /// How many invocations may be under way together.
    pub workers: usize,
    /// How often what may go wrong.
    pub budget: Budget,
    /// Whether a second producer sends the same token in a message of its own.
    pub twin: bool,
}

/// How often what may still go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Workers that die, or are ended at their deadline.
    pub crashes: u8,
    /// Requests that are lost, late, not answered, or throttled.
    pub faults: u8,
    /// Messages that SQS delivers twice.
    pub duplicates: u8,
    /// Workers whose clock is wrong.
    pub clocks: u8,
    /// Workers that Lambda does not end at their deadline.
    pub overruns: u8,
    /// Answers that the target is busy.
    pub busy: u8,
    /// Deferred messages that come so late that no repeat is safe.
    pub late: u8,
    /// Times that a person stops the builder.
    pub stops: u8,
}

impl Budget {
    /// Nothing goes wrong.
    pub const NOTHING: Self = Self {
        crashes: 0,
        faults: 0,
        duplicates: 0,
        clocks: 0,
        overruns: 0,
        busy: 0,
        late: 0,
        stops: 0,
    };
}

/// One state of everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The true time.
    pub now: u8,
    /// The wish.
    pub wish: Wish,
    /// The ledger's item.
    pub ledger: Option<Item>,
    /// The service.
    pub aws: Aws,
    /// The queue.
    pub queue: Vec<Message>,
    /// Why the wish is among the dead letters.
    pub dead_letters: BTreeSet<Reason>,
    /// The invocations under way.
    pub workers: Vec<Option<Worker>>,
    /// Requests that will arrive though nobody waits for their answer.
    pub wire: Vec<Flight>,
    /// What may still go wrong.
    pub budget: Budget,
    /// How many messages have been made.
    pub messages: u8,
    /// Whether a final item was ever overwritten or deleted.
    pub undone: bool,
    /// Whether a wish was ever taken over while its owner might still send, or had.
    pub overlapped: bool,
}

/// A message of the queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// This copy of it.
    pub id: u8,
    /// Its SQS `messageId`, the same in every copy.
    pub source: u8,
    /// Until when SQS hides it.
    pub visible_from: u8,
    /// Whether it has been received before.
    pub is_redelivery: bool,
}

/// A request on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flight {
    /// When it arrives at the latest.
    pub until: u8,
    /// What it is, in one comparable form.
    pub request: Request,
}

/// What may arrive late.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Request {
    /// A write of the ledger.
    Statement(Statement),
    /// The call, with its token.
    Call(u8),
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done and answered.
    Answered,
    /// It never arrives.
    Lost,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// It arrives when nobody waits for it any more.
    Delayed,
}

/// One step of somebody. Workers are numbered by their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Time passes. Workers that reach their deadline are ended.
    Tick,
    /// SQS delivers a message to a worker, whose clock is off by so much.
    Receive(u8, i8),
    /// SQS delivers a message twice.
    Duplicate(u8),
    /// A person stops the builder.
    StopBuilder,
    /// A request on its way arrives.
    Arrive(usize),
    /// A worker dies.
    Crash(usize),
    /// Lambda will not end the worker at its deadline.
    Overrun(usize),
    /// A worker claims a wish that it takes for new; again if it did before.
    Insert(usize, Fate),
    /// A worker reads what the ledger has of the wish that it is to claim.
    Read(usize, Fate),
    /// A worker claims what it has read; again if it did before.
    Take(usize, Fate),
    /// A worker asks for the builder's state.
    Describe(usize, Fate),
    /// A worker sends its call, again if it did before.
    Call(usize, Fate),
    /// The call is answered with a refusal that did nothing: throttled.
    CallThrottled(usize),
    /// The call is answered: the target is busy.
    CallBusy(usize),
    /// A worker sends its settlement, again if it did before.
    Settle(usize, Fate),
    /// A worker waits no longer for the answer to what it sent.
    TimeOut(usize),
    /// A worker reports the rejection.
    DeadLetter(usize, Fate),
    /// A worker returns the message; it comes again after so long.
    Defer(usize, u8),
    /// A worker's message is deleted.
    Acknowledge(usize, Fate),
}

const FAULTS: [Fate; 3] = [Fate::Lost, Fate::AnswerLost, Fate::Delayed];

impl Model for Scenario {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let builders = match self.operation {
            Operation::Tokened => vec![Builder::Stopped],
            Operation::Builder => vec![Builder::Stopped, Builder::Stopping(BEGIN - 2)],
        };
        let wishes = [Wish::Plain, Wish::NotAfter, Wish::SkipWhenBusy, Wish::Invalid];
        let start = |builder, wish| State::begin(self, Aws::new(builder), wish);
        builders.iter().flat_map(|builder| wishes.map(|wish| start(*builder, wish))).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // What happens after a violation explains nothing.
        if state.is_violated() {
            return;
        }
        for place in 0..state.workers.len() {
            if let Some(worker) = &state.workers[place] {
                self.steps(state, place, worker, actions);
            }
        }
        actions.extend((0..state.wire.len()).map(Action::Arrive));
        if state.workers.contains(&None) {
            for message in state.queue.iter().filter(|message| message.visible_from <= state.now) {
                actions.push(Action::Receive(message.id, 0));
                if state.budget.clocks > 0 {
                    let skew = SKEW.cast_signed();
                    actions.extend([-skew, skew].map(|clock| Action::Receive(message.id, clock)));
                }
            }
        }
        if state.budget.duplicates > 0 {
            actions.extend(state.queue.iter().map(|message| Action::Duplicate(message.id)));
        }
        if state.budget.stops > 0 && state.aws.builder == Builder::Running {
            actions.push(Action::StopBuilder);
        }
        if state.may_tick() {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.act(&mut state, action);
        let was_final = last.ledger.as_ref().filter(|item| item.status.is_final());
        state.undone |= was_final.is_some() && was_final != state.ledger.as_ref();
        state.wire.sort();
        // Since when a message has been visible makes no difference.
        for message in &mut state.queue {
            if message.visible_from <= state.now {
                message.visible_from = BEGIN;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("carried out at most once", |_: &Self, state: &State| {
                state.aws.effects <= 1
            }),
            Property::always("what has ended stays as it is", |_: &Self, state: &State| {
                !state.undone
            }),
            Property::always(
                "no wish is taken over while it is worked on",
                |_: &Self, state: &State| !state.overlapped,
            ),
            Property::always("the ledger tells the truth", |_: &Self, state: &State| {
                state.tells_the_truth()
            }),
            Property::always("no wish is lost", |_: &Self, state: &State| state.holds_the_wish()),
            Property::always("nothing is locked for ever", |_: &Self, state: &State| {
                state.lock_ends()
            }),
            Property::always("whatever stops has ended", |scenario: &Self, state: &State| {
                let mut actions = Vec::new();
                scenario.actions(state, &mut actions);
                !actions.is_empty() || state.is_violated() || state.has_ended()
            }),
        ];
        properties.extend(ENDINGS.map(|(name, is_reached)| Property::sometimes(name, is_reached)));
        properties
    }
}

/// An ending, or a way to one, that must be reached somewhere.
pub type Ending = (&'static str, fn(&Scenario, &State) -> bool);

/// What a model that holds must also show: that it holds not for want of anything happening.
pub const ENDINGS: [Ending; 9] = [
    ("started", |_, state| state.ends_as(Status::Started)),
    ("deferred, then started", |_, state| {
        state.ends_as(Status::Started)
            && state.ledger.as_ref().is_some_and(|item| item.attempts > 0)
    }),
    ("taken over from a worker that died, then started", |scenario, state| {
        let takes_over = |settlement: &Settlement| {
            settlement.status == Status::Started && settlement.lease.doubt_since.is_some()
        };
        state.budget.crashes < scenario.budget.crashes
            && state.workers.iter().flatten().any(
                |worker| matches!(&worker.step, Step::Settle(settlement, _) if takes_over(settlement)),
            )
    }),
    ("a late worker is fenced off", |_, state| {
        let is_fenced = |worker: &Worker| worker.step == Step::Answer(Verdict::FencedOff);
        state.workers.iter().flatten().any(is_fenced) && state.ends_as(Status::Started)
    }),
    ("refused by AWS, dead letter", |_, state| state.is_dead(Reason::Permanent)),
    ("expired, dead letter", |_, state| state.is_dead(Reason::Expired)),
    ("outcome unknown, dead letter, not carried out", |_, state| {
        state.is_dead(Reason::OutcomeUnknown) && state.aws.effects == 0
    }),
    ("outcome unknown, dead letter, carried out", |_, state| {
        state.is_dead(Reason::OutcomeUnknown) && state.aws.effects == 1
    }),
    ("skipped", |_, state| state.ends_as(Status::Skipped)),
];

impl Scenario {
    /// What the worker at this place may do, and what may happen to it.
    fn steps(&self, state: &State, place: usize, worker: &Worker, actions: &mut Vec<Action>) {
        let fates = |action: fn(usize, Fate) -> Action, actions: &mut Vec<Action>, can: &[Fate]| {
            actions.push(action(place, Fate::Answered));
            if state.budget.faults > 0 {
                actions.extend(can.iter().map(|fate| action(place, *fate)));
            }
        };
        // A question, or a message to SQS, that is late is as good as lost or unanswered.
        let [lost, answer_lost, _] = FAULTS;
        match &worker.step {
            Step::Begin(true) => fates(Action::Read, actions, &[lost]),
            Step::Begin(false) => fates(Action::Insert, actions, &FAULTS),
            Step::Claim(claiming) => {
                match claiming.next {
                    Next::Insert => fates(Action::Insert, actions, &FAULTS),
                    Next::Read => fates(Action::Read, actions, &[lost]),
                    Next::Take(_) => fates(Action::Take, actions, &FAULTS),
                }
                // What was not sent in time need not be sent at all.
                if claiming.is_sent || worker.now(state.now) >= worker.deadline {
                    actions.push(Action::TimeOut(place));
                }
            }
            Step::Describe(_) | Step::Observe(..) => fates(Action::Describe, actions, &[lost]),
            Step::Call(_, sent) => {
                // The SDK repeats within the time that is left.
                if sent.is_none() || worker.now(state.now) < worker.deadline {
                    fates(Action::Call, actions, &FAULTS);
                    if state.budget.faults > 0 {
                        actions.push(Action::CallThrottled(place));
                    }
                    if state.budget.busy > 0 && self.operation == Operation::Tokened {
                        actions.push(Action::CallBusy(place));
                    }
                }
                actions.extend(sent.map(|_| Action::TimeOut(place)));
            }
            Step::Settle(_, is_sent) => {
                fates(Action::Settle, actions, &FAULTS);
                actions.extend(is_sent.then_some(Action::TimeOut(place)));
            }
            Step::Answer(Verdict::Rejected(_)) => {
                fates(Action::DeadLetter, actions, &[lost, answer_lost]);
            }
            Step::Answer(Verdict::Ended) | Step::Acknowledge => {
                fates(Action::Acknowledge, actions, &[lost]);
            }
            Step::Answer(Verdict::Deferred | Verdict::FencedOff) => {
                actions.push(Action::Defer(place, SOON));
                if state.budget.late > 0 {
                    actions.push(Action::Defer(place, LATE));
                }
            }
        }
        if state.budget.crashes > 0 {
            actions.push(Action::Crash(place));
        }
        // It makes no difference before.
        if state.budget.overruns > 0 && !worker.overruns && worker.deadline == state.now + 1 {
            actions.push(Action::Overrun(place));
        }
    }

    fn act(&self, state: &mut State, action: Action) {
        match action {
            Action::Tick => state.tick(),
            Action::Receive(id, clock) => state.receive(id, clock),
            Action::Duplicate(id) => state.duplicate(id),
            Action::StopBuilder => {
                state.budget.stops -= 1;
                state.aws.builder = Builder::Stopping(state.now);
            }
            Action::Arrive(index) => {
                let flight = state.wire.remove(index);
                self.arrive(state, &flight.request);
            }
            Action::Crash(place) => {
                state.budget.crashes -= 1;
                state.workers[place] = None;
            }
            Action::Overrun(place) => {
                state.budget.overruns -= 1;
                state.change(place, |worker| worker.overruns = true);
            }
            Action::Insert(place, fate)
            | Action::Read(place, fate)
            | Action::Take(place, fate)
            | Action::Describe(place, fate)
            | Action::Call(place, fate)
            | Action::Settle(place, fate)
            | Action::DeadLetter(place, fate)
            | Action::Acknowledge(place, fate) => {
                state.budget.faults -= u8::from(fate != Fate::Answered);
                self.proceed(state, place, fate);
            }
            Action::CallThrottled(place) => {
                state.budget.faults -= 1;
                self.refuse(state, place, Kind::Transient);
            }
            Action::CallBusy(place) => {
                state.budget.busy -= 1;
                self.refuse(state, place, Kind::Busy);
            }
            Action::TimeOut(place) => self.time_out(state, place),
            Action::Defer(place, after) => {
                state.budget.late -= u8::from(after == LATE);
                if let Some(worker) = state.workers[place].take() {
                    let visible_from = state.now + after;
                    let hidden = state.queue.iter_mut().filter(|one| one.id == worker.message);
                    hidden.for_each(|message| message.visible_from = visible_from);
                }
            }
        }
    }

    /// A late request is done as it would have been in time.
    fn arrive(&self, state: &mut State, request: &Request) {
        match request {
            Request::Statement(statement) => {
                let _answer = self.execute(state, statement);
            }
            Request::Call(token) => {
                let _answer = self.call(state, *token);
            }
        }
    }

    fn execute(&self, state: &mut State, statement: &Statement) -> ledger::Answer {
        let before = state.ledger.clone();
        let answer = ledger::execute(&self.protocol, &mut state.ledger, statement);
        let is_claimed =
            |item: &Option<Item>| item.as_ref().is_some_and(|one| one.status == Status::Claimed);
        let took_over = state.ledger != before && is_claimed(&before) && is_claimed(&state.ledger);
        state.overlapped |= took_over && state.is_worked_on();
        answer
    }

    /// What AWS answers; of a wish that it will never take, nothing but that.
    fn call(&self, state: &mut State, token: u8) -> Result<u8, Kind> {
        if state.wish == Wish::Invalid {
            return Err(Kind::Permanent(Reason::Permanent));
        }
        match state.aws.start(self.operation, token, state.now) {
            Answer::Accepted(effect) => Ok(effect),
            Answer::Refused => Err(Kind::Permanent(Reason::Permanent)),
        }
    }

    /// The worker's step, whose request meets this fate.
    fn proceed(&self, state: &mut State, place: usize, fate: Fate) {
        let Some(worker) = state.workers[place].clone() else { return };
        let now = worker.now(state.now);
        let next = match worker.step.clone() {
            Step::Begin(_) if now >= worker.deadline => Step::Answer(Verdict::Deferred),
            Step::Begin(is_redelivery) => {
                let claiming = self.claiming(state, &worker, is_redelivery);
                self.claim(state, claiming, fate)
            }
            Step::Claim(claiming) => self.claim(state, claiming, fate),
            Step::Describe(lease) if fate == Fate::Lost => {
                self.failed(state, &worker, lease, Kind::Unknown, None)
            }
            Step::Describe(lease) => self.described(state, &worker, lease),
            Step::Observe(lease, kind, sent_at) => {
                self.observed(state, &worker, lease, kind, sent_at, fate)
            }
            Step::Call(lease, unanswered) => self.called(state, &worker, lease, unanswered, fate),
            Step::Settle(settlement, _) => {
                let statement = Statement::Settle(settlement.clone());
                if self.send(state, fate, Request::Statement(statement.clone())) {
                    let answer = self.execute(state, &statement);
                    Step::Answer(settled(&settlement, answer))
                } else {
                    Step::Settle(settlement, true)
                }
            }
            Step::Answer(Verdict::Rejected(reason)) => {
                if fate != Fate::Lost {
                    state.dead_letters.insert(reason);
                }
                match fate {
                    Fate::Answered => Step::Acknowledge,
                    _ => Step::Answer(Verdict::Deferred),
                }
            }
            Step::Answer(_) | Step::Acknowledge => {
                if fate == Fate::Answered {
                    state.queue.retain(|message| message.id != worker.message);
                }
                state.workers[place] = None;
                return;
            }
        };
        state.change(place, |worker| worker.step = next);
    }

    /// Puts a request on its way: whether the worker gets its answer.
    fn send(&self, state: &mut State, fate: Fate, request: Request) -> bool {
        match fate {
            Fate::Answered => return true,
            Fate::Lost => {}
            Fate::AnswerLost => self.arrive(state, &request),
            Fate::Delayed => state.wire.push(Flight { until: state.now + DELAY, request }),
        }
        false
    }

    /// `Claiming::new`.
    fn claiming(&self, state: &State, worker: &Worker, is_redelivery: bool) -> Claiming {
        let now = worker.now(state.now);
        Claiming {
            lease: Lease::new(state.fresh_owner(), now),
            now,
            lease_end: worker.deadline + self.protocol.lease_margin,
            source: worker.source,
            next: if is_redelivery { Next::Read } else { Next::Insert },
            is_sent: false,
        }
    }

    /// One statement of a claim.
    fn claim(&self, state: &mut State, mut claiming: Claiming, fate: Fate) -> Step {
        let statement = claiming.statement();
        if fate == Fate::Lost && statement == Statement::Read {
            // For good: one that is repeated might as well have been sent later.
            return Step::Answer(Verdict::Deferred);
        }
        if !self.send(state, fate, Request::Statement(statement.clone())) {
            return Step::Claim(Claiming { is_sent: true, ..claiming });
        }
        match claiming.after(self.execute(state, &statement)) {
            Some(claim) => self.claimed(claim),
            None => Step::Claim(claiming),
        }
    }

    /// `Driver::call`: what becomes of a claim.
    fn claimed(&self, claim: Claim) -> Step {
        match claim {
            Claim::Won(lease) => match self.operation {
                Operation::Tokened => Step::Call(lease, None),
                Operation::Builder => Step::Describe(lease),
            },
            Claim::Done => Step::Answer(Verdict::Ended),
            Claim::Rejected(reason) => Step::Answer(Verdict::Rejected(reason)),
            Claim::Leased => Step::Answer(Verdict::Deferred),
        }
    }

    /// `StartImageBuilder::call`, before the start.
    fn described(&self, state: &State, worker: &Worker, lease: Lease) -> Step {
        match state.aws.builder {
            Builder::Pending(_) | Builder::Running => {
                Step::Settle(driver::started(lease, state.aws.effects), false)
            }
            Builder::Stopped => Step::Call(lease, None),
            Builder::Stopping(_) => self.settle(state, worker, lease, Kind::Busy, None, None),
        }
    }

    /// `StartImageBuilder::observe`, after a start that failed.
    fn observed(
        &self,
        state: &State,
        worker: &Worker,
        lease: Lease,
        failure: Kind,
        sent_at: u8,
        fate: Fate,
    ) -> Step {
        let kind = match (fate, state.aws.builder, failure) {
            (Fate::Answered, Builder::Pending(_) | Builder::Running, _) => {
                return Step::Settle(driver::started(lease, state.aws.effects), false);
            }
            (Fate::Answered, Builder::Stopping(_), Kind::Permanent(_)) => Kind::Busy,
            _ => failure,
        };
        self.settle(state, worker, lease, kind, Some(sent_at), None)
    }

    /// `Attempt::send`: the clock is compared with every limit in the step that sends first.
    fn called(
        &self,
        state: &mut State,
        worker: &Worker,
        lease: Lease,
        unanswered: Option<u8>,
        fate: Fate,
    ) -> Step {
        let now = worker.now(state.now);
        if unanswered.is_none()
            && let Err(kind) = driver::may_send(state.wish, &lease, now, worker.deadline)
        {
            return self.settle(state, worker, lease, kind, None, None);
        }
        let sent_at = unanswered.or(Some(now));
        let token = match self.protocol.token {
            TokenOf::Wish => 0,
            TokenOf::Attempt => lease.owner,
        };
        if !self.send(state, fate, Request::Call(token)) {
            return match self.operation {
                Operation::Tokened => Step::Call(lease, sent_at),
                // Never repeated blindly.
                Operation::Builder => self.failed(state, worker, lease, Kind::Unknown, sent_at),
            };
        }
        match self.call(state, token) {
            Ok(receipt) => Step::Settle(driver::started(lease, receipt), false),
            Err(kind) => self.answered(state, worker, lease, kind, sent_at, unanswered),
        }
    }

    /// The call is answered with a refusal that did nothing.
    fn refuse(&self, state: &mut State, place: usize, kind: Kind) {
        let Some(worker) = state.workers[place].clone() else { return };
        let Step::Call(lease, unanswered) = worker.step.clone() else { return };
        let now = worker.now(state.now);
        let next = match driver::may_send(state.wish, &lease, now, worker.deadline) {
            Err(kind) if unanswered.is_none() => {
                self.settle(state, &worker, lease, kind, None, None)
            }
            _ => self.answered(state, &worker, lease, kind, unanswered.or(Some(now)), unanswered),
        };
        state.change(place, |worker| worker.step = next);
    }

    fn answered(
        &self,
        state: &State,
        worker: &Worker,
        lease: Lease,
        kind: Kind,
        sent_at: Option<u8>,
        unanswered: Option<u8>,
    ) -> Step {
        match self.operation {
            Operation::Tokened => self.settle(state, worker, lease, kind, sent_at, unanswered),
            Operation::Builder => self.failed(state, worker, lease, kind, sent_at),
        }
    }

    /// A start that failed, or a question: the builder is asked again where the start was sent.
    fn failed(
        &self,
        state: &State,
        worker: &Worker,
        lease: Lease,
        kind: Kind,
        sent_at: Option<u8>,
    ) -> Step {
        match sent_at {
            Some(sent_at) => Step::Observe(lease, kind, sent_at),
            None => self.settle(state, worker, lease, kind, None, None),
        }
    }

    fn settle(
        &self,
        state: &State,
        worker: &Worker,
        lease: Lease,
        kind: Kind,
        sent_at: Option<u8>,
        unanswered: Option<u8>,
    ) -> Step {
        let attempt = driver::Attempted { kind, sent_at, unanswered, now: worker.now(state.now) };
        Step::Settle(driver::decide(&self.protocol, state.wish, lease, attempt), false)
    }

    /// A worker waits no longer: no ledger, no call; no ledger, no end.
    fn time_out(&self, state: &mut State, place: usize) {
        let Some(worker) = state.workers[place].clone() else { return };
        let next = match worker.step.clone() {
            Step::Call(lease, Some(sent_at)) => {
                self.settle(state, &worker, lease, Kind::Unknown, Some(sent_at), Some(sent_at))
            }
            _ => Step::Answer(Verdict::Deferred),
        };
        state.change(place, |worker| worker.step = next);
    }
}

/// `Driver::settle`: what a delivery is answered with once the settlement is.
fn settled(settlement: &Settlement, answer: ledger::Answer) -> Verdict {
    match answer {
        ledger::Answer::Refused(Some(stored)) if !settlement.stands_in(&stored) => {
            match (stored.status, stored.reason) {
                (Status::Started | Status::Skipped, _) => Verdict::Ended,
                (Status::Rejected, Some(reason)) => Verdict::Rejected(reason),
                _ => Verdict::FencedOff,
            }
        }
        ledger::Answer::Refused(None) => Verdict::FencedOff,
        _ => driver::verdict(settlement),
    }
}

impl State {
    fn begin(scenario: &Scenario, aws: Aws, wish: Wish) -> Self {
        let message =
            |source| Message { id: source, source, visible_from: BEGIN, is_redelivery: false };
        let messages = 1 + u8::from(scenario.twin);
        Self {
            now: BEGIN,
            wish,
            ledger: None,
            aws,
            queue: (0..messages).map(message).collect(),
            dead_letters: BTreeSet::new(),
            workers: vec![None; scenario.workers],
            wire: Vec::new(),
            budget: scenario.budget,
            messages,
            undone: false,
            overlapped: false,
        }
    }

    /// Whether time may pass: not past a request's last moment to arrive, and only while it brings
    /// something nearer.
    fn may_tick(&self) -> bool {
        let in_time = || self.workers.iter().flatten().filter(|worker| !worker.overruns);
        let ends = in_time().any(|worker| worker.deadline == self.now + 1);
        let is_awaited = self.wire.iter().all(|flight| flight.until > self.now)
            && (!self.wire.is_empty()
                || in_time().next().is_some()
                || self.queue.iter().any(|message| message.visible_from > self.now));
        is_awaited && (!ends || self.budget.crashes > 0)
    }

    fn tick(&mut self) {
        self.now += 1;
        self.aws.tick(self.now);
        let now = self.now;
        let is_over = |worker: &Worker| !worker.overruns && worker.deadline <= now;
        let mut any = false;
        for place in &mut self.workers {
            if place.take_if(|worker| is_over(worker)).is_some() {
                any = true;
            }
        }
        self.budget.crashes -= u8::from(any);
    }

    fn receive(&mut self, id: u8, clock: i8) {
        self.budget.clocks -= u8::from(clock != 0);
        let Some(message) = self.queue.iter_mut().find(|message| message.id == id) else { return };
        message.visible_from = self.now + VISIBILITY;
        let worker = Worker {
            message: id,
            source: message.source,
            clock,
            deadline: self.now + TIMEOUT,
            overruns: false,
            step: Step::Begin(message.is_redelivery),
        };
        message.is_redelivery = true;
        if let Some(place) = self.workers.iter_mut().find(|place| place.is_none()) {
            *place = Some(worker);
        }
    }

    fn duplicate(&mut self, id: u8) {
        self.budget.duplicates -= 1;
        let Some(message) = self.queue.iter().find(|message| message.id == id) else { return };
        let copy = Message { id: self.messages, visible_from: self.now, ..message.clone() };
        self.messages += 1;
        self.queue.push(copy);
    }

    /// An owner that nothing names. One that is forgotten comes again, so that states differ by who
    /// owns what, and not by how many claims there were.
    fn fresh_owner(&self) -> u8 {
        let workers = self.workers.iter().flatten().flat_map(Worker::owners);
        let wire = self.wire.iter().flat_map(|flight| match &flight.request {
            Request::Statement(statement) => statement.owners(),
            Request::Call(token) => vec![*token],
        });
        let stored = self.ledger.iter().map(|item| item.owner);
        let named: BTreeSet<u8> =
            workers.chain(wire).chain(stored).chain(self.aws.tokens()).collect();
        (1..u8::MAX).find(|owner| !named.contains(owner)).unwrap_or(u8::MAX)
    }

    fn change(&mut self, place: usize, change: impl FnOnce(&mut Worker)) {
        if let Some(worker) = &mut self.workers[place] {
            change(worker);
        }
    }

    fn is_violated(&self) -> bool {
        self.aws.effects > 1 || self.undone || self.overlapped
    }

    /// Whether an owner may still send, or its call may still arrive.
    fn is_worked_on(&self) -> bool {
        self.workers.iter().flatten().any(|worker| worker.may_call(self.now))
            || self.wire.iter().any(|flight| matches!(flight.request, Request::Call(_)))
    }

    /// What the item says of AWS is so: a receipt is that of the one effect, and only
    /// `OutcomeUnknown` leaves it open.
    fn tells_the_truth(&self) -> bool {
        // What was never claimed was never called.
        let Some(item) = &self.ledger else { return self.aws.effects == 0 };
        match (item.status, item.reason) {
            (Status::Started, _) => item.receipt == Some(1) && self.aws.effects == 1,
            (Status::Rejected, Some(Reason::OutcomeUnknown)) => true,
            (Status::Skipped | Status::Rejected, _) => self.aws.effects == 0,
            // What may have been sent is a doubt for whoever claims next.
            (Status::Deferred, _) => self.aws.effects == 0 || item.doubt_since.is_some(),
            (Status::Claimed, _) => item.doubt_since.is_some(),
        }
    }

    fn holds_the_wish(&self) -> bool {
        let is_final = |item: &Item| item.status.is_final();
        !self.queue.is_empty()
            || !self.dead_letters.is_empty()
            || self.ledger.as_ref().is_some_and(is_final)
    }

    /// A closed item needs no other claim; any other may be claimed within one lease.
    fn lock_ends(&self) -> bool {
        let longest = self.now + TIMEOUT + LEASE_MARGIN;
        let ends = |item: &Item| item.is_closed() || item.claimable_from <= longest;
        self.ledger.as_ref().is_none_or(ends)
    }

    /// Nothing waits, and the wish has ended: in the ledger, and as a dead letter if it says so.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let ends = |item: &Item| match item.reason {
            Some(reason) if item.status == Status::Rejected => self.dead_letters.contains(&reason),
            _ => item.status.is_final(),
        };
        self.queue.is_empty()
            && self.workers.iter().all(Option::is_none)
            && self.ledger.as_ref().map_or(!self.dead_letters.is_empty(), ends)
    }

    fn ends_as(&self, status: Status) -> bool {
        self.ledger.as_ref().is_some_and(|item| item.status == status)
    }

    fn is_dead(&self, reason: Reason) -> bool {
        self.dead_letters.contains(&reason) && self.has_ended()
    }
}
