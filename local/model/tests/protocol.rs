//! The protocol holds in every state, and each wrong one is caught.

use std::collections::BTreeSet;

use model::explore;
use model::scenario::{Action, ENDINGS};
use model::worlds::{CONTROLS, SMALL, both};

#[test]
fn the_protocol_holds_in_every_state_and_reaches_each_ending() {
    let mut reached = BTreeSet::new();
    for (name, scenario) in SMALL {
        for scenario in both(scenario) {
            let explored = explore::all(scenario, 1);
            let broken = explored.violations.first();
            let broken = broken.map(|(property, path)| (property, path.clone().into_actions()));
            assert_eq!(broken, None, "{name}, {:?}", scenario.operation);
            reached.extend(explored.reached);
        }
    }
    assert_eq!(reached, ENDINGS.map(|(ending, _)| ending).into());
}

/// The steps to the violation.
fn caught(name: &str) -> Vec<Action> {
    let control = CONTROLS.into_iter().find(|control| control.name == name).unwrap();
    let violations = explore::violation(control.scenario, control.breaks).violations;
    let found = violations.into_iter().find(|(property, _)| *property == control.breaks);
    found.expect("a violation").1.into_actions()
}

#[test]
fn a_claim_that_takes_whatever_is_there_undoes_an_ending_and_is_caught() {
    caught("a claim takes whatever is there");
}

#[test]
fn a_claim_that_asks_for_the_owner_alone_undoes_that_owners_ending_and_is_caught() {
    assert!(matches!(caught("a claim asks for the owner alone").last(), Some(Action::Take(..))));
}

#[test]
fn two_claims_that_ask_for_the_status_alone_own_a_wish_and_that_is_caught() {
    assert!(matches!(caught("a claim asks for the status alone").last(), Some(Action::Take(..))));
}

#[test]
fn without_the_owner_fence_a_late_worker_undoes_an_ending_and_is_caught() {
    assert!(matches!(caught("without the owner fence").last(), Some(Action::Settle(..))));
}

#[test]
fn a_fresh_client_token_per_attempt_starts_twice_and_is_caught() {
    assert!(matches!(caught("a fresh client token per attempt").last(), Some(Action::Call(..))));
}

#[test]
fn deleting_on_failure_forgets_an_effect_and_is_caught() {
    caught("delete on failure");
}

#[test]
fn the_protocol_of_powertools_starts_twice_and_is_caught() {
    assert!(matches!(caught("Powertools' protocol").last(), Some(Action::Call(..))));
}

#[test]
fn without_a_lease_margin_two_workers_own_a_wish_and_that_is_caught() {
    assert!(matches!(caught("without a lease margin").last(), Some(Action::Take(..))));
}

#[test]
fn the_last_answer_taken_for_all_of_a_calls_requests_is_caught() {
    caught("the last answer taken for all");
}

#[test]
fn a_refusal_in_doubt_taken_at_its_word_is_caught() {
    caught("a refusal in doubt taken at its word");
}

#[test]
fn a_second_producer_that_begins_an_unknown_outcome_again_is_caught() {
    caught("any other source begins OutcomeUnknown again");
}
