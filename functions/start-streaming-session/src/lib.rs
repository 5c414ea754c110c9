//! Starts streaming sessions of Nimble Studio: `StartStreamingSession`.
//!
//! AWS has retired Nimble Studio. The function keeps the API's contract for whoever answers at the
//! endpoint that it is given.
//!
//! <https://docs.aws.amazon.com/nimble-studio/latest/APIReference/API_StartStreamingSession.html>

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_nimble::operation::start_streaming_session::StartStreamingSessionError;
use aws_sdk_nimble::types::{
    AutomaticTerminationMode, SessionBackupMode, SessionPersistenceMode, StreamingSession,
    StreamingSessionState as State, StreamingSessionStatusCode, VolumeConfiguration,
    VolumeRetentionMode,
};
use aws_sdk_nimble::{Client, config};
use aws_types::service_config::ServiceConfigKey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::failure::{Kind, Reason};
use shared::sdk::RetryClassifier;
use shared::{Attempt, Failure, Findings, Operation, Receipt, Request};

/// The request, with AWS's field names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartStreamingSessionRequest {
    /// The studio of the session.
    pub studio_id: String,
    /// The session to start.
    pub session_id: String,
    /// The backup to start it from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_id: Option<String>,
}

impl Request for StartStreamingSessionRequest {
    fn target(&self) -> String {
        format!("{}/{}", self.studio_id, self.session_id)
    }

    fn check(&self, findings: &mut Findings) {
        findings.length("studioId", &self.studio_id, 1..=usize::MAX);
        findings.length("sessionId", &self.session_id, 1..=usize::MAX);
        if let Some(backup) = &self.backup_id {
            findings.length("backupId", backup, 1..=usize::MAX);
        }
    }
}

/// The operation, with its client.
#[derive(Clone, Debug)]
pub struct StartStreamingSession {
    client: Client,
    /// Whether an endpoint is named, or else AWS's own is meant, which is gone.
    has_endpoint: bool,
}

impl StartStreamingSession {
    /// The operation with a client of this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let classifier = RetryClassifier::<StartStreamingSessionError>::default();
        let has_endpoint = config.endpoint_url().is_some() || service_endpoint(config).is_some();
        let config = config::Builder::from(config).retry_classifier(classifier).build();
        Self { client: Client::from_conf(config), has_endpoint }
    }
}

impl Operation for StartStreamingSession {
    const NAME: &'static str = "StartStreamingSession";
    const LONGEST_TOKEN: usize = 64;
    /// An assumption: AWS does not say how long it remembers a token.
    const REPEATABLE_FOR: Duration = Duration::from_hours(12);
    /// A session stops within minutes.
    const BUSY_DELAY: Duration = Duration::from_mins(2);

    type Request = StartStreamingSessionRequest;

    async fn call(
        &self,
        request: &Self::Request,
        attempt: &Attempt<'_>,
    ) -> Result<Receipt, Failure> {
        match self.start(request, attempt).await {
            Err(failure) if failure.kind == Kind::Busy || failure.is_outcome_unknown() => {
                self.observe(request, attempt, failure).await
            }
            Err(failure) if !self.has_endpoint && never_connected(&failure) => {
                Err(retired(&failure))
            }
            other => other,
        }
    }
}

/// `AWS_ENDPOINT_URL_NIMBLE`, or the same in a profile.
fn service_endpoint(config: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("nimble")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    config.service_config()?.load_config(key)
}

fn never_connected(failure: &Failure) -> bool {
    failure.kind == Kind::Transient && failure.reason.code == Reason::CONNECTION_FAILED
}

/// AWS's own address of the service does not come back, so that nobody need wait for it.
fn retired(failure: &Failure) -> Failure {
    let message = format!(
        "found no Nimble Studio at AWS's address for it, since AWS has shut it down on 2024-10-24; \
         expected AWS_ENDPOINT_URL_NIMBLE to name a service that speaks its API ({})",
        failure.reason.message
    );
    Failure::new(Kind::Permanent, "ServiceRetired", message)
}

impl StartStreamingSession {
    async fn start(
        &self,
        request: &StartStreamingSessionRequest,
        attempt: &Attempt<'_>,
    ) -> Result<Receipt, Failure> {
        let call = self
            .client
            .start_streaming_session()
            .studio_id(&request.studio_id)
            .session_id(&request.session_id)
            .set_backup_id(request.backup_id.clone())
            .client_token(attempt.token())
            .send();
        let answer = attempt.send(call).await?;
        Ok(receipt(answer.session()))
    }

    /// Where AWS says that the session is at something else, or nobody may ask again: what the
    /// session's state makes of that.
    async fn observe(
        &self,
        request: &StartStreamingSessionRequest,
        attempt: &Attempt<'_>,
        failure: Failure,
    ) -> Result<Receipt, Failure> {
        let question = self
            .client
            .get_streaming_session()
            .studio_id(&request.studio_id)
            .session_id(&request.session_id)
            .send();
        let answer = match attempt.read(question).await {
            Ok(answer) => answer,
            Err(question) => return Err(failure.unexplained(question)),
        };
        match answer.session().and_then(StreamingSession::state) {
            Some(State::Ready | State::StartInProgress) => Ok(receipt(answer.session())),
            Some(
                state @ (State::CreateFailed
                | State::DeleteInProgress
                | State::DeleteFailed
                | State::Deleted),
            ) => Err(lost(state)),
            _ => Err(failure),
        }
    }
}

fn lost(state: &State) -> Failure {
    let message = format!("the streaming session is {state}, expected STOPPED");
    Failure::new(Kind::Permanent, "StreamingSessionLost", message)
}

fn receipt(session: Option<&StreamingSession>) -> Receipt {
    Receipt::default().with("session", session.map(streaming_session))
}

fn streaming_session(session: &StreamingSession) -> Receipt {
    let tags = session.tags().map(to_object);
    Receipt::default()
        .with("arn", session.arn())
        .with("sessionId", session.session_id())
        .with("state", session.state().map(State::as_str))
        .with("statusCode", session.status_code().map(StreamingSessionStatusCode::as_str))
        .with("statusMessage", session.status_message())
        .with("ec2InstanceType", session.ec2_instance_type())
        .with("launchProfileId", session.launch_profile_id())
        .with("streamingImageId", session.streaming_image_id())
        .with("ownedBy", session.owned_by())
        .with("tags", tags)
        .with("createdBy", session.created_by())
        .with_time("createdAt", session.created_at())
        .with("startedBy", session.started_by())
        .with_time("startedAt", session.started_at())
        .with("stoppedBy", session.stopped_by())
        .with_time("stoppedAt", session.stopped_at())
        .with("updatedBy", session.updated_by())
        .with_time("updatedAt", session.updated_at())
        .with_time("stopAt", session.stop_at())
        .with_time("terminateAt", session.terminate_at())
        .with(
            "automaticTerminationMode",
            session.automatic_termination_mode().map(AutomaticTerminationMode::as_str),
        )
        .with("backupMode", session.backup_mode().map(SessionBackupMode::as_str))
        .with("maxBackupsToRetain", Some(session.max_backups_to_retain()))
        .with("startedFromBackupId", session.started_from_backup_id())
        .with(
            "sessionPersistenceMode",
            session.session_persistence_mode().map(SessionPersistenceMode::as_str),
        )
        .with("volumeConfiguration", session.volume_configuration().map(volume_configuration))
        .with(
            "volumeRetentionMode",
            session.volume_retention_mode().map(VolumeRetentionMode::as_str),
        )
}

fn volume_configuration(volume: &VolumeConfiguration) -> Receipt {
    Receipt::default()
        .with("size", Some(volume.size()))
        .with("throughput", Some(volume.throughput()))
        .with("iops", Some(volume.iops()))
}

fn to_object(tags: &HashMap<String, String>) -> Map<String, Value> {
    tags.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect()
}
