//! A streaming session and what is told of it.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::error::ServiceError;
use crate::phase::Phase;

const OWNER: &str = "906a1c2d3e-11111111-2222-3333-4444-555555555555";
/// How long a session lives, and how long it may be used at a stretch.
const LIFE: Duration = Duration::from_hours(4 * 24);
const LONGEST_USE: Duration = Duration::from_hours(12);

/// A session. Its state follows from the time since it was last touched.
#[derive(Debug)]
pub(super) struct Session {
    id: String,
    created: SystemTime,
    /// When it was last touched, started and stopped.
    touched: SystemTime,
    started: SystemTime,
    stopped: SystemTime,
    phase: Phase,
    status: Option<(String, String)>,
    backup_id: Option<String>,
}

impl Session {
    pub(super) fn new(id: &str, state: &str, now: SystemTime) -> Self {
        Self {
            id: id.to_owned(),
            created: now,
            touched: now,
            started: now,
            stopped: now,
            phase: Phase::resting(state),
            status: None,
            backup_id: None,
        }
    }

    pub(super) fn refuse_unless_stopped(&self, now: SystemTime) -> Result<(), ServiceError> {
        let state = self.state(now);
        if state == "STOPPED" {
            return Ok(());
        }
        let message = format!("the streaming session '{}' is {state}, expected STOPPED", self.id);
        Err(ServiceError::new("ConflictException", 409, message))
    }

    pub(super) fn start(&mut self, backup_id: Option<String>, now: SystemTime, time: Duration) {
        self.enter(Phase::passing("START_IN_PROGRESS", "READY", now, time), now);
        self.started = now;
        self.backup_id = backup_id;
    }

    pub(super) fn stop(&mut self, now: SystemTime, time: Duration) {
        self.enter(Phase::passing("STOP_IN_PROGRESS", "STOPPED", now, time), now);
        self.stopped = now;
    }

    pub(super) fn set_state(&mut self, state: &str, now: SystemTime) {
        self.enter(Phase::resting(state), now);
    }

    fn enter(&mut self, phase: Phase, now: SystemTime) {
        self.phase = phase;
        self.touched = now;
        self.status = None;
    }

    pub(super) fn set_status(&mut self, code: &str, message: &str) {
        self.status = Some((code.to_owned(), message.to_owned()));
    }

    pub(super) fn finish(&mut self, now: SystemTime) {
        self.phase.finish(now);
    }

    pub(super) fn state(&self, now: SystemTime) -> &str {
        self.phase.at(now)
    }

    /// Every field of the model; `startedFromBackupId` where there was one.
    pub(super) fn describe(&self, now: SystemTime) -> Value {
        let (status_code, status_message) = self.status(now);
        let mut session = json!({
            "arn": format!("arn:aws:nimble:us-east-1:123456789012:streaming-session/{}", self.id),
            "automaticTerminationMode": "DEACTIVATED",
            "backupMode": "AUTOMATIC",
            "createdAt": rfc3339(self.created),
            "createdBy": OWNER,
            "ec2InstanceType": "g4dn.2xlarge",
            "launchProfileId": "launch-profile-1",
            "maxBackupsToRetain": 2,
            "ownedBy": OWNER,
            "sessionId": self.id,
            "sessionPersistenceMode": "ACTIVATED",
            "startedAt": rfc3339(self.started),
            "startedBy": OWNER,
            "state": self.state(now),
            "statusCode": status_code,
            "statusMessage": status_message,
            "stopAt": rfc3339(self.started + LONGEST_USE),
            "stoppedAt": rfc3339(self.stopped),
            "stoppedBy": OWNER,
            "streamingImageId": "streaming-image-1",
            "tags": {"team": "paint"},
            "terminateAt": rfc3339(self.created + LIFE),
            "updatedAt": rfc3339(self.phase.ended(now).unwrap_or(self.touched)),
            "updatedBy": OWNER,
            "volumeConfiguration": {"size": 500, "throughput": 125, "iops": 3000},
            "volumeRetentionMode": "RETAIN",
        });
        if let Some(backup_id) = &self.backup_id {
            session["startedFromBackupId"] = json!(backup_id);
        }
        session
    }

    fn status(&self, now: SystemTime) -> (String, String) {
        let state = self.state(now);
        self.status.clone().unwrap_or_else(|| {
            (status_code(state).to_owned(), format!("the streaming session is {state}"))
        })
    }
}

fn status_code(state: &str) -> &'static str {
    match state {
        "CREATE_IN_PROGRESS" => "STREAMING_SESSION_CREATE_IN_PROGRESS",
        "START_IN_PROGRESS" => "STREAMING_SESSION_START_IN_PROGRESS",
        "READY" => "STREAMING_SESSION_READY",
        "STOP_IN_PROGRESS" => "STREAMING_SESSION_STOP_IN_PROGRESS",
        "STOPPED" => "STREAMING_SESSION_STOPPED",
        "DELETE_IN_PROGRESS" => "STREAMING_SESSION_DELETE_IN_PROGRESS",
        "DELETED" => "STREAMING_SESSION_DELETED",
        _ => "INTERNAL_ERROR",
    }
}
