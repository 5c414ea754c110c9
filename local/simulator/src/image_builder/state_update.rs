//! The request of `StartResourceStateUpdate`, and the rules it must keep.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::arn::Arn;
use super::exclusions::Exclusions;
use super::image::Image;
use super::rules::{client_token, given, invalid, matching, one_of, unreadable, within};
use crate::error::ServiceError;

const STATES: [&str; 4] = ["AVAILABLE", "DEPRECATED", "DISABLED", "DELETED"];
const ROLE: &str = r"^(?:arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:role/)?[a-zA-Z_0-9+=,.@\-_/]+$";

/// A request that keeps the rules that can be checked without its image.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StateUpdate {
    pub(super) image: Arn,
    pub(super) status: String,
    pub(super) client_token: String,
    pub(super) role: Option<String>,
    pub(super) update_at: Option<SystemTime>,
    include: Option<Include>,
    exclusions: Option<Exclusions>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Include {
    amis: bool,
    snapshots: bool,
    containers: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    resource_arn: Option<String>,
    state: Option<State>,
    client_token: Option<String>,
    execution_role: Option<String>,
    include_resources: Option<Include>,
    exclusion_rules: Option<Exclusions>,
    update_at: Option<f64>,
}

#[derive(Deserialize)]
struct State {
    status: Option<String>,
}

impl StateUpdate {
    pub(super) fn read(body: &[u8]) -> Result<Self, ServiceError> {
        // The service takes a missing body for an empty one.
        let body = if body.is_empty() { b"{}" } else { body };
        let body: Body = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        let update = Self {
            image: Arn::of_image(&given(body.resource_arn, "resourceArn")?)?,
            status: given(given(body.state, "state")?.status, "state.status")?,
            client_token: client_token(body.client_token)?,
            role: body.execution_role,
            update_at: body.update_at.map(time).transpose()?,
            include: body.include_resources,
            exclusions: body.exclusion_rules,
        };
        update.check()?;
        Ok(update)
    }

    fn check(&self) -> Result<(), ServiceError> {
        one_of(&self.status, &STATES, "state.status")?;
        if let Some(role) = &self.role {
            within(role, 1, 2048, "executionRole")?;
            matching(role, ROLE, "executionRole")?;
        }
        self.exclusions.as_ref().map_or(Ok(()), Exclusions::check)?;
        self.check_resources()?;
        refuse_if(
            self.update_at.is_some() && self.status != "DEPRECATED",
            "found 'updateAt', expected it only with the state DEPRECATED",
        )
    }

    fn check_resources(&self) -> Result<(), ServiceError> {
        let include = self.include.unwrap_or_default();
        let is_deletion = self.status == "DELETED";
        refuse_if(
            self.role.is_some() != self.include.is_some(),
            "found one of 'executionRole' and 'includeResources', expected both or neither",
        )?;
        refuse_if(
            is_deletion && !self.includes_any(),
            "found no included resource, expected at least one with the state DELETED",
        )?;
        refuse_if(
            !is_deletion && (include.snapshots || include.containers),
            "found snapshots or containers included, expected them only with the state DELETED",
        )
    }

    pub(super) fn includes_any(&self) -> bool {
        let include = self.include.unwrap_or_default();
        include.amis || include.snapshots || include.containers
    }

    /// The rules that ask for the time and for the image.
    pub(super) fn check_against(&self, image: &Image, now: SystemTime) -> Result<(), ServiceError> {
        refuse_if(
            self.update_at.is_some_and(|time| time <= now),
            "found a time at 'updateAt' that is past, expected one to come",
        )?;
        refuse_if(
            image.kind != "AMI" && self.status != "DELETED",
            "found an image of containers, for which only the state DELETED is supported",
        )?;
        let status = image.status(now);
        let allowed = match status {
            "AVAILABLE" | "DEPRECATED" | "DISABLED" => true,
            "FAILED" | "CANCELLED" => self.status == "DELETED",
            _ => false,
        };
        refuse_if(
            !allowed,
            &format!(
                "found the image {status}, expected a state from which it can become {}",
                self.status
            ),
        )?;
        refuse_if(
            status == self.status && !self.includes_any(),
            &format!("found the image {status} already and no included resource"),
        )
    }
}

fn time(seconds: f64) -> Result<SystemTime, ServiceError> {
    let since = Duration::try_from_secs_f64(seconds).ok();
    since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)).ok_or_else(|| {
        invalid(format!("found {seconds} at 'updateAt', expected seconds from the Unix epoch"))
    })
}

fn refuse_if(broken: bool, sentence: &str) -> Result<(), ServiceError> {
    if broken { Err(invalid(sentence)) } else { Ok(()) }
}
