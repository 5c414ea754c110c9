//! A pipeline and its ARN.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::image::timestamp;
use super::invalid;
use crate::error::ServiceError;

/// A pipeline that was created.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) arn: PipelineArn,
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
            "dateCreated": timestamp(self.created),
            "tags": {},
        })
    }
}

/// `arn:PARTITION:imagebuilder:REGION:ACCOUNT:image-pipeline/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PipelineArn {
    pub(super) text: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) name: String,
    /// Everything up to and with the colon before the resource.
    owner: String,
}

impl PipelineArn {
    pub(super) fn read(text: &str) -> Result<Self, ServiceError> {
        Self::parse(text).ok_or_else(|| {
            invalid(format!(
                "value '{text}' at 'imagePipelineArn' failed to satisfy constraint: member must satisfy regular \
                 expression pattern: ^arn:aws[^:]*:imagebuilder:[^:]+:(?:[0-9]{{12}}|aws):image-pipeline/[a-z0-9-_]+$"
            ))
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split(':').collect();
        let ["arn", partition, "imagebuilder", region, account, resource] = parts[..] else {
            return None;
        };
        let name = resource.strip_prefix("image-pipeline/")?;
        let valid = partition.starts_with("aws")
            && !region.is_empty()
            && is_account(account)
            && is_name(name);
        valid.then(|| Self {
            text: text.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            name: name.to_owned(),
            owner: text[..text.len() - resource.len()].to_owned(),
        })
    }

    /// The ARN of another resource of the same account and region.
    pub(super) fn sibling(&self, resource: &str) -> String {
        format!("{}{resource}", self.owner)
    }

    /// What client tokens are told apart by: they belong to an account in a region.
    pub(super) fn owner(&self) -> &str {
        &self.owner
    }
}

impl PartialEq<str> for PipelineArn {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

fn is_account(text: &str) -> bool {
    text == "aws" || (text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    !text.is_empty() && text.bytes().all(allowed)
}
