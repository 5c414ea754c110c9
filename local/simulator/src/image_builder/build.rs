//! The build of an image, and the states that it passes through.

use std::time::{Duration, SystemTime};

use super::arn::Arn;

/// One build of a pipeline. Its state follows from the time since it began.
#[derive(Clone, Debug)]
pub(super) struct Build {
    pub(super) pipeline: Arn,
    pub(super) begun: SystemTime,
    pub(super) time: Duration,
    /// The reason for which it ends as FAILED.
    pub(super) failure: Option<String>,
    /// Whether it was ended before its time.
    pub(super) ended: bool,
}

impl Build {
    pub(super) fn runs(&self, now: SystemTime) -> bool {
        !matches!(self.status(now), "AVAILABLE" | "FAILED")
    }

    pub(super) fn status(&self, now: SystemTime) -> &'static str {
        let elapsed = now.duration_since(self.begun).unwrap_or_default();
        if self.ended || elapsed >= self.time {
            return if self.failure.is_some() { "FAILED" } else { "AVAILABLE" };
        }
        match elapsed.as_millis() * 100 / self.time.as_millis().max(1) {
            0..5 => "PENDING",
            5..60 => "BUILDING",
            60..85 => "TESTING",
            _ => "DISTRIBUTING",
        }
    }
}
