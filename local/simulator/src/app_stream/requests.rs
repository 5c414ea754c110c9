//! The requests of AppStream, and the rules they must keep.

use serde::Deserialize;

use crate::error::ServiceError;

/// The request of `StartImageBuilder`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Start {
    name: Option<String>,
    appstream_agent_version: Option<String>,
}

/// The request of `DescribeImageBuilders`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Describe {
    #[serde(default)]
    pub(super) names: Vec<String>,
}

impl Start {
    pub(super) fn name(&self) -> Result<&str, ServiceError> {
        match self.name.as_deref() {
            Some(name) if !name.is_empty() => Ok(name),
            found => Err(invalid(format!("found {found:?} at 'Name', expected a name"))),
        }
    }

    pub(super) fn agent_version(&self) -> Result<Option<&str>, ServiceError> {
        match self.appstream_agent_version.as_deref() {
            Some(version) if !(1..=100).contains(&version.chars().count()) => {
                let message = "found another length at 'AppstreamAgentVersion', expected 1 to 100";
                Err(invalid(message.to_owned()))
            }
            version => Ok(version),
        }
    }
}

fn invalid(message: String) -> ServiceError {
    ServiceError::new("ValidationException", 400, message)
}
