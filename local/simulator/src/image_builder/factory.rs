//! What Image Builder knows: pipelines, images, and the answers it gave to client tokens.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use uuid::Uuid;

use super::arn::Arn;
use super::build::Build;
use super::change::Change;
use super::execution::Execution;
use super::image::{Image, Origin};
use super::pipeline::Pipeline;
use super::state_update::StateUpdate;
use crate::error::ServiceError;
use crate::service::Done;
use crate::tokens::{Mismatch, Tokens};

/// The state of the service.
#[derive(Debug)]
pub struct Factory {
    pub(super) build_time: Duration,
    pub(super) lifecycle_time: Duration,
    pipelines: BTreeMap<String, Pipeline>,
    /// Those that were deleted too: their build numbers are not used again.
    images: Vec<Image>,
    executions: Tokens<Execution>,
    updates: Tokens<StateUpdate>,
}

impl Default for Factory {
    fn default() -> Self {
        Self {
            build_time: Duration::from_mins(20),
            lifecycle_time: Duration::from_mins(5),
            pipelines: BTreeMap::new(),
            images: Vec::new(),
            executions: Tokens::default(),
            updates: Tokens::default(),
        }
    }
}

type Outcome = Result<Done<Value>, ServiceError>;

impl Factory {
    pub(super) fn start(&mut self, execution: Execution, now: SystemTime) -> Outcome {
        let (owner, token) =
            (execution.pipeline.owner().to_owned(), execution.client_token.clone());
        let original = self.executions.answer(&owner, &token, &execution);
        if let Some(answer) = original.map_err(|found| mismatch(&found))? {
            return Ok(answer.into());
        }
        self.refuse_unless_idle(&execution.pipeline, now)?;
        let answer = json!({
            "requestId": Uuid::new_v4(),
            "clientToken": token,
            "imageBuildVersionArn": self.build(&execution, now),
        });
        let target = execution.pipeline.text.clone();
        self.executions.remember(&owner, &token, execution, answer.clone());
        Ok(Done::to(target, answer))
    }

    fn refuse_unless_idle(&self, arn: &Arn, now: SystemTime) -> Result<(), ServiceError> {
        self.known(&arn.text)?;
        if !self.images.iter().any(|image| image.is_built_by(arn) && image.is_building(now)) {
            return Ok(());
        }
        Err(in_use(format!(
            "the image pipeline '{}' has a build in progress; retry later",
            arn.text
        )))
    }

    /// The effect. Returns the new image's ARN.
    fn build(&mut self, execution: &Execution, now: SystemTime) -> String {
        let pipeline = &execution.pipeline;
        let namesakes = self.images.iter().filter(|image| image.arn.is_namesake_of(pipeline));
        let number = 1 + namesakes.map(Image::build_number).max().unwrap_or_default();
        let arn = pipeline.sibling(&format!("image/{}/1.0.0/{number}", pipeline.name));
        let failure = self.pipelines.get_mut(&pipeline.text).and_then(|known| known.failure.take());
        let build = Build {
            pipeline: pipeline.clone(),
            begun: now,
            time: self.build_time,
            failure,
            ended: false,
        };
        self.images.push(Image {
            arn: Arn::split(&arn),
            kind: "AMI",
            origin: Origin::Built(build),
            tags: execution.tags.clone(),
            created: now,
            changes: Vec::new(),
        });
        arn
    }

    pub(super) fn update(&mut self, update: StateUpdate, now: SystemTime) -> Outcome {
        let (owner, token) = (update.image.owner().to_owned(), update.client_token.clone());
        let original = self.updates.answer(&owner, &token, &update);
        if let Some(answer) = original.map_err(|found| mismatch(&found))? {
            return Ok(answer.into());
        }
        self.refuse_unless_changeable(&update, now)?;
        let mut answer = json!({"resourceArn": update.image.text});
        if let Some(execution) = self.change(&update, now) {
            answer["lifecycleExecutionId"] = json!(execution);
        }
        let target = update.image.text.clone();
        self.updates.remember(&owner, &token, update, answer.clone());
        Ok(Done::to(target, answer))
    }

    fn refuse_unless_changeable(
        &self,
        update: &StateUpdate,
        now: SystemTime,
    ) -> Result<(), ServiceError> {
        let image = self.existing(&update.image.text, now)?;
        if let Some(id) = image.change_in_progress(now).and_then(|change| change.execution.as_ref())
        {
            let arn = &image.arn.text;
            return Err(in_use(format!(
                "the image '{arn}' has the lifecycle execution {id} in progress; retry later"
            )));
        }
        update.check_against(image, now)
    }

    /// The effect. Returns the id of the lifecycle execution, where there is one.
    fn change(&mut self, update: &StateUpdate, now: SystemTime) -> Option<String> {
        let is_made_at_once = !update.includes_any() && update.update_at.is_none();
        let time = if update.includes_any() { self.lifecycle_time } else { Duration::ZERO };
        let change = Change {
            status: update.status.clone(),
            execution: (!is_made_at_once).then(Change::execution_id),
            role: update.role.clone(),
            begun: now,
            ends: update.update_at.unwrap_or(now + time),
            is_scheduled: update.update_at.is_some(),
        };
        let execution = change.execution.clone();
        let changed = self.images.iter_mut().find(|image| image.arn == update.image);
        changed?.changes.push(change);
        execution
    }

    pub(super) fn image(&self, arn: &str, now: SystemTime) -> Outcome {
        let image = self.existing(arn, now)?;
        Ok(json!({"requestId": Uuid::new_v4(), "image": image.describe(now)}).into())
    }

    pub(super) fn execution(&self, id: &str, now: SystemTime) -> Outcome {
        let mut changes = self.images.iter().flat_map(|image| &image.changes);
        let change = changes.find(|change| change.execution.as_deref() == Some(id));
        let change = change.ok_or_else(|| not_found("lifecycle execution", id))?;
        Ok(json!({"lifecycleExecution": change.describe(now)}).into())
    }

    pub(super) fn pipeline(&self, arn: &str) -> Outcome {
        let pipeline = self.known(arn)?;
        Ok(json!({"requestId": Uuid::new_v4(), "imagePipeline": pipeline.describe()}).into())
    }

    pub(super) fn images_of(&self, arn: &str, now: SystemTime) -> Outcome {
        let pipeline = &self.known(arn)?.arn;
        let images = self.images.iter().filter(|image| image.is_built_by(pipeline));
        let images = images.filter(|image| image.exists(now));
        let list: Vec<_> = images.map(|image| image.describe(now)).collect();
        Ok(json!({"requestId": Uuid::new_v4(), "imageSummaryList": list}).into())
    }

    fn known(&self, arn: &str) -> Result<&Pipeline, ServiceError> {
        self.pipelines.get(arn).ok_or_else(|| not_found("image pipeline", arn))
    }

    fn existing(&self, arn: &str, now: SystemTime) -> Result<&Image, ServiceError> {
        let image = self.images.iter().find(|image| image.arn.text == arn);
        image.filter(|image| image.exists(now)).ok_or_else(|| not_found("image", arn))
    }

    pub(super) fn create_pipeline(
        &mut self,
        arn: &str,
        now: SystemTime,
    ) -> Result<(), ServiceError> {
        let pipeline = Pipeline { arn: Arn::of_pipeline(arn)?, created: now, failure: None };
        self.pipelines.entry(arn.to_owned()).or_insert(pipeline);
        Ok(())
    }

    pub(super) fn create_image(
        &mut self,
        arn: &str,
        kind: &'static str,
        status: &str,
        now: SystemTime,
    ) -> Result<(), ServiceError> {
        let arn = Arn::of_image(arn)?;
        self.images.retain(|image| image.arn != arn);
        let origin = Origin::Given(status.to_owned());
        let (tags, changes) = (BTreeMap::new(), Vec::new());
        self.images.push(Image { arn, kind, origin, tags, created: now, changes });
        Ok(())
    }

    pub(super) fn fail_next_build(&mut self, arn: &str, reason: &str) {
        if let Some(pipeline) = self.pipelines.get_mut(arn) {
            pipeline.failure = Some(reason.to_owned());
        }
    }

    pub(super) fn finish_builds(&mut self) {
        for image in &mut self.images {
            if let Origin::Built(build) = &mut image.origin {
                build.ended = true;
            }
        }
    }

    pub(super) fn finish_lifecycle_executions(&mut self, now: SystemTime) {
        let changes = self.images.iter_mut().flat_map(|image| &mut image.changes);
        changes.for_each(|change| change.finish(now));
    }

    pub(super) fn forget_tokens(&mut self) {
        self.executions.forget();
        self.updates.forget();
    }

    pub(super) fn status_of(&self, arn: &str, now: SystemTime) -> Option<String> {
        self.existing(arn, now).ok().map(|image| image.status(now).to_owned())
    }

    pub(super) fn pipelines(&self) -> Vec<String> {
        self.pipelines.keys().cloned().collect()
    }

    pub(super) fn images(&self, now: SystemTime) -> Vec<Value> {
        let existing = self.images.iter().filter(|image| image.exists(now));
        existing.map(|image| image.describe(now)).collect()
    }
}

fn mismatch(found: &Mismatch) -> ServiceError {
    ServiceError::new("IdempotentParameterMismatchException", 400, found.to_string())
}

fn in_use(message: String) -> ServiceError {
    ServiceError::new("ResourceInUseException", 400, message)
}

fn not_found(kind: &str, name: &str) -> ServiceError {
    let message = format!("the {kind} '{name}' cannot be found");
    ServiceError::new("ResourceNotFoundException", 404, message)
}
