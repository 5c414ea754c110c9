//! The request of `StartImagePipelineExecution`, and the rules it must keep.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::pipeline::PipelineArn;
use super::{invalid, unreadable};
use crate::error::ServiceError;

/// A request that keeps the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Execution {
    pub(super) pipeline: PipelineArn,
    pub(super) client_token: String,
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    image_pipeline_arn: Option<String>,
    client_token: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

impl Execution {
    pub(super) fn read(body: &[u8]) -> Result<Self, ServiceError> {
        // The service takes a missing body for an empty one.
        let body = if body.is_empty() { b"{}" } else { body };
        let body: Body = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        Ok(Self {
            pipeline: PipelineArn::read(&given(body.image_pipeline_arn, "imagePipelineArn")?)?,
            client_token: checked_token(given(body.client_token, "clientToken")?)?,
            tags: body.tags.map(checked_tags).transpose()?.unwrap_or_default(),
        })
    }
}

fn given(value: Option<String>, name: &str) -> Result<String, ServiceError> {
    value.ok_or_else(|| {
        invalid(format!(
            "value null at '{name}' failed to satisfy constraint: member must not be null"
        ))
    })
}

fn checked_token(token: String) -> Result<String, ServiceError> {
    within(&token, 1, 64, "clientToken")?;
    Ok(token)
}

fn checked_tags(tags: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ServiceError> {
    if !(1..=50).contains(&tags.len()) {
        return Err(invalid(format!("found {} tags at 'tags', expected 1 to 50", tags.len())));
    }
    for (key, value) in &tags {
        within(key, 1, 128, "tags key")?;
        within(value, 0, 256, "tags value")?;
        if key.starts_with("aws:") || !key.chars().all(is_key_char) {
            return Err(invalid(format!(
                "value '{key}' at 'tags key' failed to satisfy constraint: member must satisfy regular expression \
                 pattern: ^(?!aws:)[a-zA-Z0-9\\s_.:/=+\\-@]*$"
            )));
        }
    }
    Ok(tags)
}

fn is_key_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || char.is_whitespace() || "_.:/=+-@".contains(char)
}

fn within(value: &str, least: usize, most: usize, name: &str) -> Result<(), ServiceError> {
    let length = value.chars().count();
    if (least..=most).contains(&length) {
        return Ok(());
    }
    Err(invalid(format!("found {length} characters at '{name}', expected {least} to {most}")))
}
