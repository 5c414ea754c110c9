//! The clock that everything here asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio::time::Instant;

/// The time of day: the machine's, or one that a test holds and moves by hand.
/// Clones share one clock.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Real,
    Held(Arc<Mutex<SystemTime>>),
    Runtime { started: Arc<Mutex<SystemTime>>, at: Instant },
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn real() -> Self {
        Self(Source::Real)
    }

    /// A clock that stands at `start` until it is advanced.
    #[must_use]
    pub fn held(start: SystemTime) -> Self {
        Self(Source::Held(Arc::new(Mutex::new(start))))
    }

    /// A clock that stands at `start` and then goes with the Tokio runtime's: where that one is
    /// paused, time passes only while nothing can be done but wait.
    #[must_use]
    pub fn of_runtime(start: SystemTime) -> Self {
        Self(Source::Runtime { started: Arc::new(Mutex::new(start)), at: Instant::now() })
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            Source::Real => SystemTime::now(),
            Source::Held(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
            Source::Runtime { started, at } => {
                *started.lock().unwrap_or_else(PoisonError::into_inner) + at.elapsed()
            }
        }
    }

    /// Milliseconds from the Unix epoch to now.
    #[must_use]
    pub fn epoch_millis(&self) -> u64 {
        let since = self.now().duration_since(SystemTime::UNIX_EPOCH);
        u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
    }

    /// Moves a held clock forward, or the runtime's as it is seen here. The machine's clock moves
    /// by itself and ignores this.
    pub fn advance(&self, by: Duration) {
        if let Source::Held(time) | Source::Runtime { started: time, .. } = &self.0 {
            *time.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}

/// A time as restJson1 writes it in text: RFC 3339 in milliseconds.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

/// A time as a number of seconds from the Unix epoch.
pub(crate) fn epoch_seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
