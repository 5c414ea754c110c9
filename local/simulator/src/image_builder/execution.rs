//! The request of `StartImagePipelineExecution`, and the rules it must keep.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::arn::Arn;
use super::rules::{client_token, counted, given, invalid, unreadable, within};
use crate::error::ServiceError;

/// A request that keeps the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Execution {
    pub(super) pipeline: Arn,
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
            pipeline: Arn::of_pipeline(&given(body.image_pipeline_arn, "imagePipelineArn")?)?,
            client_token: client_token(body.client_token)?,
            tags: body.tags.map(checked_tags).transpose()?.unwrap_or_default(),
        })
    }
}

fn checked_tags(tags: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ServiceError> {
    counted(tags.len(), 1, 50, "tags at 'tags'")?;
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
