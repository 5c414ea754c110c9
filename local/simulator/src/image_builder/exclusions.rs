//! The exclusion rules of `StartResourceStateUpdate`. They are checked and remembered; nothing is
//! known of an AMI that they could exclude.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::rules::{counted, given, invalid, matching, one_of, within};
use crate::error::ServiceError;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exclusions {
    amis: Option<Amis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Amis {
    is_public: Option<bool>,
    last_launched: Option<LastLaunched>,
    regions: Option<Vec<String>>,
    shared_accounts: Option<Vec<String>>,
    tag_map: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct LastLaunched {
    unit: Option<String>,
    value: Option<i64>,
}

impl Exclusions {
    pub(super) fn check(&self) -> Result<(), ServiceError> {
        self.amis.as_ref().map_or(Ok(()), Amis::check)
    }
}

impl Amis {
    fn check(&self) -> Result<(), ServiceError> {
        self.last_launched.as_ref().map_or(Ok(()), LastLaunched::check)?;
        self.regions.as_deref().map_or(Ok(()), check_regions)?;
        self.shared_accounts.as_deref().map_or(Ok(()), check_accounts)?;
        self.tag_map.as_ref().map_or(Ok(()), check_tags)
    }
}

impl LastLaunched {
    fn check(&self) -> Result<(), ServiceError> {
        let unit = given(self.unit.as_deref(), "lastLaunched.unit")?;
        one_of(unit, &["DAYS", "WEEKS", "MONTHS", "YEARS"], "lastLaunched.unit")?;
        let value = given(self.value, "lastLaunched.value")?;
        if (1..=365).contains(&value) {
            return Ok(());
        }
        Err(invalid(format!("found {value} at 'lastLaunched.value', expected 1 to 365")))
    }
}

fn check_regions(regions: &[String]) -> Result<(), ServiceError> {
    regions.iter().try_for_each(|region| within(region, 1, 1024, "regions"))
}

fn check_accounts(accounts: &[String]) -> Result<(), ServiceError> {
    counted(accounts.len(), 1, 1536, "accounts at 'sharedAccounts'")?;
    accounts.iter().try_for_each(|account| matching(account, "^[0-9]{12}$", "sharedAccounts"))
}

fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    counted(tags.len(), 1, 50, "tags at 'tagMap'")?;
    tags.iter().try_for_each(|(key, value)| {
        within(key, 1, 128, "tagMap key")?;
        within(value, 0, 256, "tagMap value")
    })
}
