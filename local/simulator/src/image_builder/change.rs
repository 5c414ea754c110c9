//! A change of an image's state, at once or by a lifecycle execution.

use std::time::SystemTime;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::epoch_seconds;

/// A change that was accepted. The image has the new state from `ends` on.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) status: String,
    /// The lifecycle execution that makes it, where it is not made at once.
    pub(super) execution: Option<String>,
    pub(super) role: Option<String>,
    pub(super) begun: SystemTime,
    pub(super) ends: SystemTime,
    /// Whether it ends when it was told to, rather than when it is ready.
    pub(super) is_scheduled: bool,
}

impl Change {
    pub(super) fn execution_id() -> String {
        format!("lce-{}", Uuid::new_v4())
    }

    pub(super) fn has_ended(&self, now: SystemTime) -> bool {
        self.ends <= now
    }

    pub(super) fn finish(&mut self, now: SystemTime) {
        if !self.is_scheduled {
            self.ends = self.ends.min(now);
        }
    }

    /// Its lifecycle execution as `GetLifecycleExecution` describes it.
    pub(super) fn describe(&self, now: SystemTime) -> Value {
        let mut execution = json!({
            "lifecycleExecutionId": self.execution,
            "resourcesImpactedSummary": {"hasImpactedResources": true},
            "state": {"status": self.execution_status(now)},
            "startTime": epoch_seconds(self.begun),
        });
        if self.has_ended(now) {
            execution["endTime"] = json!(epoch_seconds(self.ends));
        }
        execution
    }

    fn execution_status(&self, now: SystemTime) -> &'static str {
        match (self.has_ended(now), self.is_scheduled) {
            (true, _) => "SUCCESS",
            (false, true) => "PENDING",
            (false, false) => "IN_PROGRESS",
        }
    }
}
