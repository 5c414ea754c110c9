//! What Image Builder knows: pipelines, images, and the answers it gave to client tokens.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use uuid::Uuid;

use super::execution::Execution;
use super::image::Image;
use super::pipeline::{Pipeline, PipelineArn};
use crate::error::ServiceError;

/// The state of the service.
#[derive(Debug)]
pub(super) struct Factory {
    pub(super) build_time: Duration,
    pipelines: BTreeMap<String, Pipeline>,
    images: Vec<Image>,
    tokens: BTreeMap<(String, String), Remembered>,
}

/// What a client token stands for.
#[derive(Debug)]
struct Remembered {
    execution: Execution,
    answer: Value,
}

impl Default for Factory {
    fn default() -> Self {
        Self {
            build_time: Duration::from_mins(20),
            pipelines: BTreeMap::new(),
            images: Vec::new(),
            tokens: BTreeMap::new(),
        }
    }
}

impl Factory {
    pub(super) fn start(
        &mut self,
        execution: Execution,
        now: SystemTime,
    ) -> Result<Value, ServiceError> {
        let token = (execution.pipeline.owner().to_owned(), execution.client_token.clone());
        if let Some(remembered) = self.tokens.get(&token) {
            return remembered.answer_to(&execution);
        }
        self.refuse_unless_idle(&execution.pipeline, now)?;
        let answer = json!({
            "requestId": Uuid::new_v4(),
            "clientToken": execution.client_token,
            "imageBuildVersionArn": self.build(&execution, now),
        });
        let remembered = Remembered { execution, answer: answer.clone() };
        self.tokens.insert(token, remembered);
        Ok(answer)
    }

    fn refuse_unless_idle(&self, arn: &PipelineArn, now: SystemTime) -> Result<(), ServiceError> {
        self.known(&arn.text)?;
        if !self.images.iter().any(|image| image.pipeline == *arn && image.is_building(now)) {
            return Ok(());
        }
        let message =
            format!("the image pipeline '{}' has a build in progress; retry later", arn.text);
        Err(ServiceError::new("ResourceInUseException", 400, message))
    }

    /// The effect. Returns the new image's ARN.
    fn build(&mut self, execution: &Execution, now: SystemTime) -> String {
        let pipeline = &execution.pipeline;
        let number = 1 + self.images.iter().filter(|image| image.pipeline == *pipeline).count();
        let arn = pipeline.sibling(&format!("image/{}/1.0.0/{number}", pipeline.name));
        let failure = self.pipelines.get_mut(&pipeline.text).and_then(|known| known.failure.take());
        self.images.push(Image {
            arn: arn.clone(),
            pipeline: pipeline.clone(),
            number,
            tags: execution.tags.clone(),
            created: now,
            build_time: self.build_time,
            failure,
            ended: false,
        });
        arn
    }

    pub(super) fn image(&self, arn: &str, now: SystemTime) -> Result<Value, ServiceError> {
        let image = self
            .images
            .iter()
            .find(|image| image.arn == arn)
            .ok_or_else(|| not_found("image", arn))?;
        Ok(json!({"requestId": Uuid::new_v4(), "image": image.describe(now)}))
    }

    pub(super) fn pipeline(&self, arn: &str) -> Result<Value, ServiceError> {
        Ok(json!({"requestId": Uuid::new_v4(), "imagePipeline": self.known(arn)?.describe()}))
    }

    pub(super) fn images_of(&self, arn: &str, now: SystemTime) -> Result<Value, ServiceError> {
        let pipeline = self.known(arn)?;
        let images = self.images.iter().filter(|image| image.pipeline == pipeline.arn);
        let list: Vec<_> = images.map(|image| image.describe(now)).collect();
        Ok(json!({"requestId": Uuid::new_v4(), "imageSummaryList": list}))
    }

    fn known(&self, arn: &str) -> Result<&Pipeline, ServiceError> {
        self.pipelines.get(arn).ok_or_else(|| not_found("image pipeline", arn))
    }

    pub(super) fn create_pipeline(
        &mut self,
        arn: &str,
        now: SystemTime,
    ) -> Result<(), ServiceError> {
        let pipeline = Pipeline { arn: PipelineArn::read(arn)?, created: now, failure: None };
        self.pipelines.entry(arn.to_owned()).or_insert(pipeline);
        Ok(())
    }

    pub(super) fn fail_next_build(&mut self, arn: &str, reason: &str) {
        if let Some(pipeline) = self.pipelines.get_mut(arn) {
            pipeline.failure = Some(reason.to_owned());
        }
    }

    pub(super) fn finish_builds(&mut self) {
        self.images.iter_mut().for_each(|image| image.ended = true);
    }

    pub(super) fn forget_tokens(&mut self) {
        self.tokens.clear();
    }

    pub(super) fn images(&self) -> impl Iterator<Item = &Image> {
        self.images.iter()
    }

    pub(super) fn summary(&self, now: SystemTime) -> Value {
        let of =
            |arn: &PipelineArn| self.images.iter().filter(|image| image.pipeline == *arn).count();
        let by_pipeline: BTreeMap<_, _> =
            self.pipelines.values().map(|known| (&known.arn.text, of(&known.arn))).collect();
        let images: Vec<_> = self.images.iter().map(|image| image.describe(now)).collect();
        json!({"effects": self.images.len(), "effectsByPipeline": by_pipeline, "images": images})
    }
}

impl Remembered {
    fn answer_to(&self, execution: &Execution) -> Result<Value, ServiceError> {
        if self.execution == *execution {
            return Ok(self.answer.clone());
        }
        let message = format!(
            "client token '{}' was used before with other parameters",
            execution.client_token
        );
        Err(ServiceError::new("IdempotentParameterMismatchException", 400, message))
    }
}

fn not_found(kind: &str, arn: &str) -> ServiceError {
    ServiceError::new(
        "ResourceNotFoundException",
        404,
        format!("the {kind} '{arn}' cannot be found"),
    )
}
