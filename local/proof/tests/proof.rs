//! The proof in small: what `prove` does at full size.

use proof::plan::{Act, Point, Slip, Source};
use proof::{Schedule, exhaustive, inputs, play};

#[test]
fn a_seed_is_one_run_down_to_the_order_of_every_request() {
    for seed in 0..20 {
        let schedule = Schedule::of(seed);
        let (one, other) = (play(&schedule, true), play(&schedule, true));
        assert_eq!(one.trace, other.trace, "seed {seed}");
        assert_eq!(one.ledger, other.ledger, "seed {seed}");
        assert_eq!(one.figures, other.figures, "seed {seed}");
    }
}

#[test]
fn no_schedule_of_the_first_seeds_breaks_a_rule() {
    for seed in 0..100 {
        let report = play(&Schedule::of(seed), false);
        assert!(report.violations.is_empty(), "seed {seed}: {:?}", report.violations);
    }
}

#[test]
fn a_wish_of_each_operation_from_each_source_is_carried_out_once_where_nothing_goes_wrong() {
    for (act, source) in exhaustive::parts() {
        let report = play(&Schedule::quiet(act, source), false);
        assert!(report.violations.is_empty(), "{act:?} {source:?}: {:?}", report.violations);
        assert_eq!(report.figures.effects, 1, "{act:?} {source:?}");
        assert_eq!(report.figures.dead_letters, 0, "{act:?} {source:?}");
    }
}

#[test]
fn an_invocation_can_die_at_every_point_and_the_wish_is_carried_out_once() {
    for act in Act::ALL {
        for wait in 0.. {
            let mut schedule = Schedule::quiet(act, Source::Own);
            schedule.crashes.push(Point { invocation: 0, wait });
            let report = play(&schedule, false);
            assert!(report.violations.is_empty(), "{act:?} {wait}: {:?}", report.violations);
            assert_eq!(report.figures.effects, 1, "{act:?} {wait}");
            if report.figures.crashes == 0 {
                assert!(wait >= 6, "{act:?} waited {wait} times, expected at each of its requests");
                break;
            }
        }
    }
}

#[test]
fn an_answer_that_is_lost_and_a_death_right_after_leave_one_effect() {
    for act in Act::ALL {
        for request in 0..4 {
            let mut schedule = Schedule::quiet(act, Source::Own);
            schedule.slips.push((request, Slip::AnswerLost));
            schedule.crashes.push(Point { invocation: 0, wait: 2 * request + 2 });
            let report = play(&schedule, false);
            assert!(report.violations.is_empty(), "{act:?} {request}: {:?}", report.violations);
            assert_eq!(report.figures.effects, 1, "{act:?} {request}");
        }
    }
}

#[test]
fn no_event_makes_a_function_panic_or_lose_a_record() {
    let mut tally = inputs::Tally::default();
    for seed in 0..20 {
        let found = inputs::try_lot(seed, &mut tally);
        assert!(found.is_empty(), "{found:#?}");
    }
    assert!(tally.records > 0 && tally.dead_letters > 0 && tally.ledger_items > 0, "{tally:?}");
}
