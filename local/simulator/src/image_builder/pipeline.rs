//! A pipeline.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::arn::Arn;
use crate::clock::rfc3339;

/// A pipeline that was created.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) arn: Arn,
    pub(super) created: SystemTime,
    /// The reason for which its next build fails.
    pub(super) failure: Option<String>,
}

impl Pipeline {
    pub(super) fn describe(&self) -> Value {
        let name = &self.arn.name;
        json!({
            "arn": self.arn.text,
            "name": name,
            "platform": "Linux",
            "status": "ENABLED",
            "imageRecipeArn": self.arn.sibling(&format!("image-recipe/{name}/1.0.0")),
            "infrastructureConfigurationArn": self.arn.sibling(&format!("infrastructure-configuration/{name}")),
            "dateCreated": rfc3339(self.created),
            "tags": {},
        })
    }
}
