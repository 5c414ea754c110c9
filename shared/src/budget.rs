//! How often one invocation repeats calls at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::failure::Kind;

/// How many failed calls of its operation an invocation repeats at once, all its wishes together.
///
/// Each wish may be tried three times within an invocation. Where a service throttles them all,
/// that would be three times the load on something that asks for less, so that repeats are counted
/// over the whole batch: an invocation sends at most one request for each wish and this many more.
/// What is left then is deferred. The ledger and the queues are not counted here: what they cannot
/// take down is not once-only or lost, and the SDK bounds their repeats itself.
pub const REPEATS: u32 = 20;

tokio::task_local! {
    static CURRENT: Call;
}

/// What is left of the repeats of one invocation. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<AtomicU32>);

/// One call, whose requests the SDK repeats.
#[derive(Clone, Debug)]
struct Call {
    budget: Budget,
    /// Whether one of its requests may have been carried out, and nobody said.
    in_doubt: Arc<AtomicBool>,
}

impl Budget {
    pub(crate) fn full() -> Self {
        Self(Arc::new(AtomicU32::new(REPEATS)))
    }

    /// Makes the call within the budget, and says whether a request of it was in doubt: the last
    /// answer alone does not tell what became of the requests before it.
    pub(crate) async fn spend<F: Future>(&self, call: F) -> (F::Output, bool) {
        let in_doubt = Arc::new(AtomicBool::new(false));
        let scope = Call { budget: self.clone(), in_doubt: Arc::clone(&in_doubt) };
        let output = CURRENT.scope(scope, call).await;
        (output, in_doubt.load(Ordering::Relaxed))
    }

    fn take(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }
}

/// Whether a request of the call that is under way may be repeated after a failure of this kind.
/// A call outside of any budget may repeat what the SDK lets it.
pub(crate) fn may_repeat(kind: Kind) -> bool {
    CURRENT
        .try_with(|call| {
            call.in_doubt.fetch_or(kind.begins_doubt(), Ordering::Relaxed);
            is_worth_repeating(kind) && call.budget.take()
        })
        .unwrap_or_else(|_| is_worth_repeating(kind))
}

fn is_worth_repeating(kind: Kind) -> bool {
    kind == Kind::Transient || kind.begins_doubt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_of_one_invocation_share_its_repeats_and_no_other_takes_of_them() {
        let (one, other) = (Budget::full(), Budget::full());
        for _ in 0..REPEATS {
            assert!(one.spend(async { may_repeat(Kind::Transient) }).await.0);
        }
        assert!(!one.spend(async { may_repeat(Kind::Transient) }).await.0);
        assert!(other.spend(async { may_repeat(Kind::Transient) }).await.0);
        assert!(may_repeat(Kind::Transient), "the ledger and the queues are not counted");
    }

    #[tokio::test]
    async fn what_cannot_succeed_is_not_repeated_and_costs_nothing() {
        let budget = Budget::full();
        for kind in [Kind::Busy, Kind::Denied, Kind::Permanent] {
            assert!(!budget.spend(async { may_repeat(kind) }).await.0);
        }
        assert_eq!(budget.0.load(Ordering::Relaxed), REPEATS);
    }

    #[tokio::test]
    async fn a_doubt_outlasts_the_answer_to_a_repeat() {
        let call = async { (may_repeat(Kind::Unknown), may_repeat(Kind::Busy)) };
        assert_eq!(Budget::full().spend(call).await, ((true, false), true));
        assert!(!Budget::full().spend(async { may_repeat(Kind::Busy) }).await.1);
    }
}
