//! How often one invocation repeats calls at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many failed calls of its operation an invocation repeats at once, all its wishes together.
///
/// Each wish may be tried three times within an invocation. Where a service throttles them all,
/// that would be three times the load on something that asks for less, so that repeats are counted
/// over the whole batch: an invocation sends at most one request for each wish and this many more.
/// What is left then is deferred. The ledger and the queues are not counted here: what they cannot
/// take down is not once-only or lost, and the SDK bounds their repeats itself.
pub const REPEATS: u32 = 20;

tokio::task_local! {
    static CURRENT: Budget;
}

/// What is left of the repeats of one invocation. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<AtomicU32>);

impl Budget {
    pub(crate) fn full() -> Self {
        Self(Arc::new(AtomicU32::new(REPEATS)))
    }

    /// Makes the call within the budget.
    pub(crate) async fn scope<F: Future>(&self, call: F) -> F::Output {
        CURRENT.scope(self.clone(), call).await
    }

    fn take(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }
}

/// Whether the call that is under way may be repeated. A call outside of any budget may.
pub(crate) fn take() -> bool {
    CURRENT.try_with(Budget::take).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_of_one_invocation_share_its_repeats_and_no_other_takes_of_them() {
        let (one, other) = (Budget::full(), Budget::full());
        for _ in 0..REPEATS {
            assert!(one.clone().scope(async { take() }).await);
        }
        assert!(!one.scope(async { take() }).await);
        assert!(other.scope(async { take() }).await);
        assert!(take(), "the ledger and the queues are not counted");
    }
}
