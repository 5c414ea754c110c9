//! An image, from its build to its end.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::arn::Arn;
use super::build::Build;
use super::change::Change;
use crate::clock::{epoch_seconds, rfc3339};

/// An image. Its state is the one that it was changed to last, else the one that it came with.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) arn: Arn,
    /// `AMI` or `DOCKER`.
    pub(super) kind: &'static str,
    pub(super) origin: Origin,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) created: SystemTime,
    /// Oldest first. Only the last one may not have ended.
    pub(super) changes: Vec<Change>,
}

/// Where an image came from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A build of a pipeline, which tells its first states.
    Built(Build),
    /// Somebody who told its first state.
    Given(String),
}

impl Image {
    pub(super) fn status(&self, now: SystemTime) -> &str {
        let last = self.changes.iter().rev().find(|change| change.has_ended(now));
        match (last, &self.origin) {
            (Some(change), _) => &change.status,
            (None, Origin::Built(build)) => build.status(now),
            (None, Origin::Given(status)) => status,
        }
    }

    pub(super) fn build(&self) -> Option<&Build> {
        match &self.origin {
            Origin::Built(build) => Some(build),
            Origin::Given(_) => None,
        }
    }

    pub(super) fn is_built_by(&self, pipeline: &Arn) -> bool {
        self.build().is_some_and(|build| build.pipeline == *pipeline)
    }

    pub(super) fn is_building(&self, now: SystemTime) -> bool {
        self.build().is_some_and(|build| build.runs(now))
    }

    pub(super) fn build_number(&self) -> u64 {
        let number = self.arn.version.rsplit('/').next();
        number.and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    pub(super) fn exists(&self, now: SystemTime) -> bool {
        self.status(now) != "DELETED"
    }

    /// The change whose lifecycle execution is in progress.
    pub(super) fn change_in_progress(&self, now: SystemTime) -> Option<&Change> {
        self.changes.last().filter(|change| !change.has_ended(now))
    }

    pub(super) fn describe(&self, now: SystemTime) -> Value {
        let mut image = json!({
            "arn": self.arn.text,
            "type": self.kind,
            "name": self.arn.name,
            "version": self.arn.version,
            "platform": "Linux",
            "state": self.state(now),
            "dateCreated": rfc3339(self.created),
            "outputResources": self.output(now),
            "tags": self.tags,
            "buildType": "USER_INITIATED",
        });
        if let Some(build) = self.build() {
            image["sourcePipelineName"] = json!(build.pipeline.name);
            image["sourcePipelineArn"] = json!(build.pipeline.text);
        }
        if let Some(change) = self.changes.last() {
            describe_change(&mut image, change);
        }
        image
    }

    fn state(&self, now: SystemTime) -> Value {
        let status = self.status(now);
        let failure = self.build().and_then(|build| build.failure.as_ref());
        match (failure, status) {
            (Some(reason), "FAILED") => json!({"status": status, "reason": reason}),
            _ => json!({"status": status}),
        }
    }

    fn output(&self, now: SystemTime) -> Value {
        let is_distributed = matches!(self.status(now), "AVAILABLE" | "DEPRECATED" | "DISABLED");
        match (self.kind, is_distributed) {
            ("AMI", true) => json!({"amis": [self.ami()]}),
            ("AMI", false) => json!({"amis": []}),
            (_, true) => json!({"containers": [self.container()]}),
            (_, false) => json!({"containers": []}),
        }
    }

    fn ami(&self) -> Value {
        json!({
            "region": self.arn.region,
            "image": format!("ami-{:017x}", self.build_number()),
            "name": format!("{} {}", self.arn.name, rfc3339(self.created)),
            "accountId": self.arn.account,
        })
    }

    fn container(&self) -> Value {
        let Arn { account, region, name, .. } = &self.arn;
        let host = format!("{account}.dkr.ecr.{region}.amazonaws.com");
        json!({"region": region, "imageUris": [format!("{host}/{name}:{}", self.build_number())]})
    }
}

fn describe_change(image: &mut Value, change: &Change) {
    if let Some(execution) = &change.execution {
        image["lifecycleExecutionId"] = json!(execution);
    }
    if let Some(role) = &change.role {
        image["executionRole"] = json!(role);
    }
    if change.is_scheduled {
        image["deprecationTime"] = json!(epoch_seconds(change.ends));
    }
}
