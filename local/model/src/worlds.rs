//! The scenarios that are explored, and the wrong protocols that must be caught in one of them.

use crate::aws::Operation::{self, Builder, Tokened};
use crate::protocol::Protocol;
use crate::scenario::{Budget, Scenario};

/// A name, and what may go wrong.
pub type World = (&'static str, Scenario);

const QUIET: Scenario = Scenario {
    protocol: Protocol::REVEILLE,
    operation: Tokened,
    workers: 2,
    budget: Budget::NOTHING,
    twin: false,
};
const NOTHING: Budget = Budget::NOTHING;

/// Small enough for a test, and together they reach every ending.
pub const SMALL: [World; 5] = [
    (
        "a crash and a fault",
        Scenario { budget: Budget { crashes: 1, faults: 1, busy: 1, ..NOTHING }, ..QUIET },
    ),
    (
        "a fault, a late message, a person",
        Scenario {
            budget: Budget { faults: 1, busy: 1, late: 1, stops: 1, ..NOTHING },
            workers: 1,
            ..QUIET
        },
    ),
    ("a late worker", Scenario { budget: Budget { crashes: 1, overruns: 1, ..NOTHING }, ..QUIET }),
    (
        "a duplicate, three workers",
        Scenario { budget: Budget { crashes: 1, duplicates: 1, ..NOTHING }, workers: 3, ..QUIET },
    ),
    (
        "two producers of one token",
        Scenario {
            budget: Budget { crashes: 1, stops: 1, ..NOTHING },
            workers: 1,
            twin: true,
            ..QUIET
        },
    ),
];

/// More of everything; a million states and more in most.
pub const FULL: [World; 4] = [
    (
        "two faults, a late message, a person",
        Scenario {
            budget: Budget { faults: 2, busy: 1, late: 1, stops: 1, ..NOTHING },
            workers: 1,
            ..QUIET
        },
    ),
    (
        "a crash, a fault, a wrong clock, a busy target",
        Scenario {
            budget: Budget { crashes: 1, faults: 1, clocks: 1, busy: 1, ..NOTHING },
            ..QUIET
        },
    ),
    (
        "a late worker, wrong clocks",
        Scenario { budget: Budget { crashes: 1, overruns: 1, clocks: 1, ..NOTHING }, ..QUIET },
    ),
    (
        "two producers, two workers",
        Scenario { budget: Budget { crashes: 1, ..NOTHING }, twin: true, ..QUIET },
    ),
];

/// Both kinds of operation in a world.
#[must_use]
pub fn both(scenario: Scenario) -> [Scenario; 2] {
    [Tokened, Builder].map(|operation| Scenario { operation, ..scenario })
}

/// A wrong protocol, and the property that it breaks.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// What is wrong.
    pub name: &'static str,
    /// The property that does not hold.
    pub breaks: &'static str,
    /// Where that is seen.
    pub scenario: Scenario,
}

/// Carried out twice.
pub const TWICE: &str = "carried out at most once";
/// An ending that was undone.
pub const UNDONE: &str = "what has ended stays as it is";
/// Two owners.
pub const OVERLAP: &str = "no wish is taken over while it is worked on";
/// A ledger that is wrong about AWS.
pub const UNTRUE: &str = "the ledger tells the truth";

/// Every wrong protocol.
pub const CONTROLS: [Control; 11] = [
    control(
        "a claim takes whatever is there",
        UNDONE,
        Protocol::TAKE_WHATEVER_IS_THERE,
        Tokened,
        Budget { faults: 1, busy: 1, ..NOTHING },
    ),
    control(
        "a claim asks for the owner alone",
        UNDONE,
        Protocol::TAKE_FROM_AN_OWNER,
        Tokened,
        Budget { overruns: 1, ..NOTHING },
    ),
    Control {
        name: "a claim asks for the status alone",
        breaks: OVERLAP,
        scenario: Scenario {
            protocol: Protocol::TAKE_IN_A_STATUS,
            budget: Budget { crashes: 1, ..NOTHING },
            twin: true,
            ..QUIET
        },
    },
    control(
        "without the owner fence",
        UNDONE,
        Protocol::WITHOUT_THE_OWNER_FENCE,
        Tokened,
        Budget { crashes: 1, overruns: 1, ..NOTHING },
    ),
    control(
        "a fresh client token per attempt",
        TWICE,
        Protocol::FRESH_TOKEN_PER_ATTEMPT,
        Tokened,
        Budget { crashes: 1, ..NOTHING },
    ),
    control(
        "delete on failure",
        UNTRUE,
        Protocol::DELETE_ON_FAILURE,
        Tokened,
        Budget { faults: 1, ..NOTHING },
    ),
    control(
        "Powertools' protocol",
        TWICE,
        Protocol::POWERTOOLS,
        Tokened,
        Budget { faults: 1, ..NOTHING },
    ),
    control(
        "without a lease margin",
        OVERLAP,
        Protocol::WITHOUT_A_LEASE_MARGIN,
        Tokened,
        Budget { crashes: 1, faults: 1, duplicates: 1, clocks: 1, ..NOTHING },
    ),
    control(
        "the last answer taken for all",
        UNTRUE,
        Protocol::LAST_ANSWER_ONLY,
        Tokened,
        Budget { faults: 1, busy: 1, ..NOTHING },
    ),
    control(
        "a refusal in doubt taken at its word",
        UNTRUE,
        Protocol::REFUSAL_TAKEN_AT_ITS_WORD,
        Builder,
        Budget { faults: 2, ..NOTHING },
    ),
    Control {
        name: "any other source begins OutcomeUnknown again",
        breaks: TWICE,
        scenario: Scenario {
            protocol: Protocol::ANY_OTHER_SOURCE,
            operation: Builder,
            budget: Budget { crashes: 1, stops: 1, ..NOTHING },
            workers: 1,
            twin: true,
        },
    },
];

const fn control(
    name: &'static str,
    breaks: &'static str,
    protocol: Protocol,
    operation: Operation,
    budget: Budget,
) -> Control {
    Control { name, breaks, scenario: Scenario { protocol, operation, budget, ..QUIET } }
}
