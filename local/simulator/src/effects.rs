//! What was done, apart from what was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often each operation took effect on each target. Clones share one count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effects(Arc<Mutex<ByTarget>>);

type ByTarget = BTreeMap<(&'static str, String), usize>;

impl Effects {
    pub(crate) fn note(&self, operation: &'static str, target: String) {
        *self.counts().entry((operation, target)).or_default() += 1;
    }

    pub(crate) fn all(&self) -> usize {
        self.counts().values().sum()
    }

    pub(crate) fn by(&self, operation: &str) -> BTreeMap<String, usize> {
        let counts = self.counts();
        let of_it = counts.iter().filter(|((by, _), _)| *by == operation);
        of_it.map(|((_, target), count)| (target.clone(), *count)).collect()
    }

    pub(crate) fn of(&self, target: &str) -> usize {
        self.counts().iter().filter(|((_, of), _)| of == target).map(|(_, count)| count).sum()
    }

    fn counts(&self) -> MutexGuard<'_, ByTarget> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
