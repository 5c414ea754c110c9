//! How long a deferred wish waits.

use std::time::Duration;

use crate::failure::Kind;

/// The longest step that SQS allows to a delayed message, and that we use for a hidden one.
pub const LONGEST: Duration = Duration::from_mins(15);

/// The ceiling of the first step for a transient failure; it doubles with every attempt.
const TRANSIENT_BASE: Duration = Duration::from_secs(30);

/// The same where a person has to act first: a permission, a quota.
const DENIED_BASE: Duration = Duration::from_mins(2);

/// What could not be begun, or is waiting behind another, comes again soon.
const SOON: Duration = Duration::from_secs(10);

/// How long a wish waits that has failed this way, `attempts` times before, and has been in doubt
/// for so long.
///
/// Transient failures wait exponentially with full jitter (a random share of a doubling ceiling),
/// so that wishes that failed together do not return together. Where attempts are not counted, as
/// long again as the doubt has lasted is the same. `random` lies in `0.0..1.0`.
#[must_use]
pub fn delay(
    kind: Kind,
    attempts: u32,
    in_doubt: Duration,
    busy: Duration,
    random: f64,
) -> Duration {
    match kind {
        Kind::Busy => busy.min(LONGEST),
        Kind::Denied => jittered(doubled(DENIED_BASE, attempts), random),
        Kind::Transient | Kind::ServerFault => jittered(doubled(TRANSIENT_BASE, attempts), random),
        Kind::Unknown => jittered(in_doubt.max(TRANSIENT_BASE), random),
        Kind::NotBegun | Kind::Permanent => SOON,
    }
}

/// How long the ledger is left in peace after it did not take a statement, before it is asked again
/// by the same invocation: full jitter, as above, on another scale.
#[must_use]
pub fn pause(repeats: u32, random: f64) -> Duration {
    doubled(Duration::from_millis(100), repeats).mul_f64(random.clamp(0.0, 1.0))
}

fn doubled(base: Duration, attempts: u32) -> Duration {
    base.saturating_mul(1_u32.checked_shl(attempts).unwrap_or(u32::MAX))
}

fn jittered(ceiling: Duration, random: f64) -> Duration {
    ceiling.min(LONGEST).mul_f64(random.clamp(0.0, 1.0)).max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: Duration = Duration::from_mins(10);
    const NONE: Duration = Duration::ZERO;

    #[test]
    fn the_ceiling_doubles_and_never_passes_a_quarter_of_an_hour() {
        let ceiling = |attempts| delay(Kind::Transient, attempts, NONE, BUSY, 1.0).as_secs();
        assert_eq!([0, 1, 2, 4, 5, 40].map(ceiling), [30, 60, 120, 480, 900, 900]);
    }

    #[test]
    fn jitter_takes_any_share_of_the_ceiling_but_never_nothing() {
        assert_eq!(delay(Kind::Transient, 2, NONE, BUSY, 0.5).as_secs(), 60);
        assert_eq!(delay(Kind::Transient, 2, NONE, BUSY, 0.0).as_secs(), 1);
    }

    #[test]
    fn a_denied_wish_waits_longer_than_a_throttled_one() {
        assert!(
            delay(Kind::Denied, 0, NONE, BUSY, 1.0) > delay(Kind::Transient, 0, NONE, BUSY, 1.0)
        );
    }

    #[test]
    fn a_busy_target_is_asked_again_after_its_operations_own_delay() {
        assert_eq!(delay(Kind::Busy, 30, NONE, BUSY, 0.0), BUSY);
        assert_eq!(delay(Kind::Busy, 0, NONE, Duration::from_hours(2), 0.0), LONGEST);
    }

    #[test]
    fn an_unknown_outcome_is_asked_about_again_after_as_long_as_it_has_lasted() {
        let ceiling =
            |secs| delay(Kind::Unknown, 0, Duration::from_secs(secs), BUSY, 1.0).as_secs();
        assert_eq!([0, 10, 45, 600, 40_000].map(ceiling), [30, 30, 45, 600, 900]);
    }
}
