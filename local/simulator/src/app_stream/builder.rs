//! An image builder.

use std::time::{Duration, SystemTime};

use super::description::{BASE_IMAGE, Reason, ResourceError};
use crate::error::ServiceError;
use crate::phase::Phase;
use crate::rpc_v2_cbor::Timestamp;

/// The agent that every image builder begins with.
const CREATED_WITH: &str = "06-17-2026";
/// The newest version of the agent.
pub(super) const LATEST_AGENT: &str = "11-02-2026";

/// An image builder. Its state follows from the time since it was last touched.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) name: String,
    pub(super) created: SystemTime,
    phase: Phase,
    pub(super) agent_version: String,
    pub(super) errors: Vec<ResourceError>,
    pub(super) reason: Option<Reason>,
    has_base_image: bool,
}

impl Builder {
    pub(super) fn new(name: &str, state: &str, created: SystemTime) -> Self {
        Self {
            name: name.to_owned(),
            created,
            phase: Phase::resting(state),
            agent_version: CREATED_WITH.to_owned(),
            errors: Vec::new(),
            reason: None,
            has_base_image: true,
        }
    }

    pub(super) fn refuse_unless_stopped(
        &self,
        (code, status): (String, u16),
        now: SystemTime,
    ) -> Result<(), ServiceError> {
        let state = self.state(now);
        if state == "STOPPED" {
            return Ok(());
        }
        let message = format!("the image builder '{}' is {state}, expected STOPPED", self.name);
        Err(ServiceError { code, status, message })
    }

    pub(super) fn refuse_without_base_image(&self) -> Result<(), ServiceError> {
        if self.has_base_image {
            return Ok(());
        }
        let message = format!(
            "The image {BASE_IMAGE} is DEPRECATED. The image must be in an AVAILABLE state"
        );
        Err(ServiceError::new("ResourceNotAvailableException", 400, message))
    }

    /// The effect.
    pub(super) fn start(&mut self, agent_version: Option<&str>, now: SystemTime, time: Duration) {
        let newest = agent_version == Some("LATEST");
        let state = if newest { "UPDATING_AGENT" } else { "PENDING" };
        self.phase = Phase::passing(state, "RUNNING", now, time);
        if let Some(version) = agent_version {
            let version = if newest { LATEST_AGENT } else { version };
            version.clone_into(&mut self.agent_version);
        }
    }

    pub(super) fn stop(&mut self, now: SystemTime, time: Duration) {
        self.phase = Phase::passing("STOPPING", "STOPPED", now, time);
    }

    pub(super) fn set_state(&mut self, state: &str) {
        self.phase = Phase::resting(state);
    }

    pub(super) fn finish(&mut self, now: SystemTime) {
        self.phase.finish(now);
    }

    pub(super) fn add_error(&mut self, code: &str, message: &str, now: SystemTime) {
        self.errors.push(ResourceError {
            error_code: code.to_owned(),
            error_message: message.to_owned(),
            error_timestamp: Timestamp(now),
        });
    }

    pub(super) fn set_reason(&mut self, code: &str, message: &str) {
        self.reason = Some(Reason { code: code.to_owned(), message: message.to_owned() });
    }

    pub(super) fn lose_base_image(&mut self) {
        self.has_base_image = false;
    }

    pub(super) fn state(&self, now: SystemTime) -> &str {
        self.phase.at(now)
    }
}
