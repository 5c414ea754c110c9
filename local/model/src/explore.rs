//! Every state of a scenario.

use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model, Path};

use crate::scenario::{Action, Scenario, State};

/// What an exploration found.
#[derive(Debug)]
pub struct Explored {
    /// How many different states there are.
    pub states: usize,
    /// How many steps the longest way takes, of those that were followed.
    pub depth: usize,
    /// How long it took.
    pub time: Duration,
    /// A violation of each property that does not hold.
    pub violations: Vec<(&'static str, Path<State, Action>)>,
    /// Which endings were reached.
    pub reached: Vec<&'static str>,
}

/// Visits every state, with so many threads.
#[must_use]
pub fn all(scenario: Scenario, threads: usize) -> Explored {
    explore(scenario, threads, HasDiscoveries::All)
}

/// Searches breadth first for a way to a violation of this property: a short one, since the checker
/// keeps the last that it found in one block of states.
#[must_use]
pub fn violation(scenario: Scenario, property: &'static str) -> Explored {
    explore(scenario, 1, HasDiscoveries::AnyOf([property].into()))
}

fn explore(scenario: Scenario, threads: usize, until: HasDiscoveries) -> Explored {
    let begin = Instant::now();
    let checker = scenario.checker().threads(threads).finish_when(until).spawn_bfs().join();
    let (mut violations, mut reached) = (Vec::new(), Vec::new());
    for (name, path) in checker.discoveries() {
        if checker.model().property(name).expectation.discovery_is_failure() {
            violations.push((name, path));
        } else {
            reached.push(name);
        }
    }
    violations.sort_by_key(|(_, path)| path.clone().into_actions().len());
    Explored {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        time: begin.elapsed(),
        violations,
        reached,
    }
}
