//! Moves images through their lifecycle: `StartResourceStateUpdate` of EC2 Image Builder.
//!
//! <https://docs.aws.amazon.com/imagebuilder/latest/APIReference/API_StartResourceStateUpdate.html>

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_imagebuilder::operation::start_resource_state_update::StartResourceStateUpdateError;
use aws_sdk_imagebuilder::types::{
    ImageStatus, LifecyclePolicyDetailExclusionRulesAmis,
    LifecyclePolicyDetailExclusionRulesAmisLastLaunched, ResourceState,
    ResourceStateUpdateExclusionRules, ResourceStateUpdateIncludeResources,
};
use aws_sdk_imagebuilder::{Client, config};
use serde::{Deserialize, Serialize};
use shared::clock::Timestamp;
use shared::failure::Kind;
use shared::rules::{Regex, quote, regex};
use shared::sdk::RetryClassifier;
use shared::{Attempt, Failure, Findings, Operation, Receipt, Request};

/// The request, with AWS's field names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartResourceStateUpdateRequest {
    /// The image build version to update.
    pub resource_arn: String,
    /// The state it shall have.
    pub state: State,
    /// The role that acts on the included resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role: Option<String>,
    /// What the update reaches beside the image itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_resources: Option<IncludeResources>,
    /// What it shall leave alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusion_rules: Option<ExclusionRules>,
    /// When a deprecation takes effect; at once where it is absent. Epoch seconds or RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_at: Option<Timestamp>,
}

/// `state`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The state that the image shall have.
    pub status: Status,
}

/// `state.status`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are AWS's and say it")]
pub enum Status {
    Available,
    Deprecated,
    Disabled,
    Deleted,
}

/// `includeResources`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncludeResources {
    /// The AMIs that the image distributed.
    #[serde(default)]
    pub amis: bool,
    /// Their snapshots.
    #[serde(default)]
    pub snapshots: bool,
    /// The container images that it distributed.
    #[serde(default)]
    pub containers: bool,
}

/// `exclusionRules`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExclusionRules {
    /// Which AMIs to leave alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amis: Option<AmiExclusionRules>,
}

/// `exclusionRules.amis`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AmiExclusionRules {
    /// Those that are public.
    #[serde(default)]
    pub is_public: bool,
    /// Those that were launched lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_launched: Option<LastLaunched>,
    /// Those in these regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<String>>,
    /// Those shared with these accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_accounts: Option<Vec<String>>,
    /// Those with these tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_map: Option<BTreeMap<String, String>>,
}

/// `exclusionRules.amis.lastLaunched`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastLaunched {
    /// The unit of the value.
    pub unit: TimeUnit,
    /// How many of them.
    pub value: i32,
}

/// `exclusionRules.amis.lastLaunched.unit`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are AWS's and say it")]
pub enum TimeUnit {
    Days,
    Weeks,
    Months,
    Years,
}

impl Request for StartResourceStateUpdateRequest {
    fn target(&self) -> String {
        self.resource_arn.clone()
    }

    /// AWS takes a time in the future only, when the request arrives.
    fn not_after(&self) -> Option<Timestamp> {
        self.update_at.map(|time| time - Duration::from_millis(1))
    }

    fn check(&self, findings: &mut Findings) {
        findings.pattern(
            "resourceArn",
            &self.resource_arn,
            &IMAGE_BUILD_VERSION_ARN,
            "arn:aws:imagebuilder:REGION:ACCOUNT:image/NAME/MAJOR.MINOR.PATCH/BUILD",
        );
        if let Some(role) = &self.execution_role {
            findings.length("executionRole", role, 1..=2048);
            findings.pattern("executionRole", role, &ROLE, "the name or the ARN of an IAM role");
        }
        self.check_included(findings);
        if let Some(amis) = self.exclusion_rules.as_ref().and_then(|rules| rules.amis.as_ref()) {
            if !self.included().amis {
                let problem = "is given, expected with `includeResources.amis` only: nothing else \
                               asks it";
                findings.add("exclusionRules.amis", problem);
            }
            amis.check(findings);
        }
        if self.update_at.is_some() && self.state.status != Status::Deprecated {
            let problem = "is given, expected with `state.status` DEPRECATED only";
            findings.add("updateAt", problem);
        }
    }
}

impl StartResourceStateUpdateRequest {
    fn check_included(&self, findings: &mut Findings) {
        let is_deletion = self.state.status == Status::Deleted;
        let included = self.included();
        if self.execution_role.is_some() != self.include_resources.is_some() {
            let (missing, given) = match self.execution_role {
                None => ("executionRole", "includeResources"),
                Some(_) => ("includeResources", "executionRole"),
            };
            findings.add(missing, format!("is missing, expected beside `{given}`"));
        }
        if is_deletion && included == IncludeResources::default() {
            let problem = "names nothing, expected `amis`, `snapshots` or `containers` for \
                           `state.status` DELETED (the DeleteImage API deletes the record alone)";
            findings.add("includeResources", problem);
        }
        for (name, is_included) in
            [("snapshots", included.snapshots), ("containers", included.containers)]
        {
            if is_included && !is_deletion {
                let problem = "is true, expected with `state.status` DELETED only";
                findings.add(format!("includeResources.{name}"), problem);
            }
        }
        if included.snapshots && !included.amis {
            let problem = "is true, expected together with `amis`, which hold them";
            findings.add("includeResources.snapshots", problem);
        }
    }

    fn included(&self) -> IncludeResources {
        self.include_resources.unwrap_or_default()
    }
}

impl AmiExclusionRules {
    fn check(&self, findings: &mut Findings) {
        let field = |name: &str| format!("exclusionRules.amis.{name}");
        for region in self.regions.iter().flatten() {
            findings.length(&field("regions"), region, 1..=1024);
        }
        if let Some(accounts) = &self.shared_accounts {
            findings.count(&field("sharedAccounts"), accounts.len(), 1..=1536);
            for account in accounts {
                findings.pattern(&field("sharedAccounts"), account, &ACCOUNT, "12 digits");
            }
        }
        if let Some(LastLaunched { value, .. }) = self.last_launched
            && !(1..=365).contains(&value)
        {
            findings.add(field("lastLaunched.value"), format!("is {value}, expected 1 to 365"));
        }
        if let Some(tags) = &self.tag_map {
            findings.count(&field("tagMap"), tags.len(), 1..=50);
            for (key, value) in tags {
                let field = field(&format!("tagMap.{}", quote(key)));
                findings.length(&field, key, 1..=128);
                findings.length(&field, value, 0..=256);
            }
        }
    }
}

static IMAGE_BUILD_VERSION_ARN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^arn:aws[^:]*:imagebuilder:[^:]+:(?:[0-9]{12}|aws(?:-[a-z-]+)?):image/[a-z0-9-_]+/[0-9]+\.[0-9]+\.[0-9]+/[0-9]+$",
    )
});

static ROLE: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^(?:arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:role/)?[a-zA-Z_0-9+=,.@\-_/]+$")
});

static ACCOUNT: LazyLock<Regex> = LazyLock::new(|| regex(r"^[0-9]{12}$"));

/// The operation, with its client.
#[derive(Clone, Debug)]
pub struct StartResourceStateUpdate {
    client: Client,
}

impl StartResourceStateUpdate {
    /// The operation with a client of this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let classifier = RetryClassifier::<StartResourceStateUpdateError>::default();
        let config = config::Builder::from(config).retry_classifier(classifier).build();
        Self { client: Client::from_conf(config) }
    }
}

impl Operation for StartResourceStateUpdate {
    const NAME: &'static str = "StartResourceStateUpdate";
    const LONGEST_TOKEN: usize = 64;
    /// An assumption: AWS does not say how long it remembers a token.
    const REPEATABLE_FOR: Duration = Duration::from_hours(12);
    /// A lifecycle execution is at work on the image.
    const BUSY_DELAY: Duration = Duration::from_mins(2);

    type Request = StartResourceStateUpdateRequest;

    async fn call(
        &self,
        request: &Self::Request,
        attempt: &Attempt<'_>,
    ) -> Result<Receipt, Failure> {
        match self.start(request, attempt).await {
            Err(failure)
                if attempt.is_sent() && failure.kind == Kind::Permanent
                    || failure.is_outcome_unknown() =>
            {
                self.observe(request, attempt, failure).await
            }
            other => other,
        }
    }
}

impl StartResourceStateUpdate {
    async fn start(
        &self,
        request: &StartResourceStateUpdateRequest,
        attempt: &Attempt<'_>,
    ) -> Result<Receipt, Failure> {
        let call = self
            .client
            .start_resource_state_update()
            .resource_arn(&request.resource_arn)
            .state(ResourceState::builder().status(request.state.status.as_str().into()).build())
            .set_execution_role(request.execution_role.clone())
            .set_include_resources(request.include_resources.map(include_resources))
            .set_exclusion_rules(request.exclusion_rules.as_ref().map(exclusion_rules))
            .set_update_at(request.update_at.map(Into::into))
            .client_token(attempt.token())
            .send();
        let answer = attempt.send(call).await?;
        Ok(Receipt::default()
            .with("lifecycleExecutionId", answer.lifecycle_execution_id())
            .with("resourceArn", answer.resource_arn()))
    }

    /// What is said of the image where AWS says no, or nobody may ask again: that it is in the
    /// wished state already.
    ///
    /// Only of the image itself: what became of included resources, it does not tell. A deleted
    /// image is gone, and that it was ours to delete is believed only in doubt.
    async fn observe(
        &self,
        request: &StartResourceStateUpdateRequest,
        attempt: &Attempt<'_>,
        failure: Failure,
    ) -> Result<Receipt, Failure> {
        let wished = request.state.status;
        let get = self.client.get_image().image_build_version_arn(&request.resource_arn).send();
        let is_as_wished = match attempt.read(get).await {
            Ok(answer) => {
                let state = answer.image().and_then(|image| image.state());
                let status = state.and_then(|state| state.status()).map(ImageStatus::as_str);
                request.include_resources.is_none() && status == Some(wished.as_str())
            }
            Err(absent) if absent.reason.code == "ResourceNotFoundException" => {
                wished == Status::Deleted && attempt.is_in_doubt()
            }
            Err(question) => return Err(failure.unexplained(question)),
        };
        if !is_as_wished {
            return Err(failure);
        }
        Ok(Receipt::default()
            .with("resourceArn", Some(&*request.resource_arn))
            .with("observed", Some(wished.as_str())))
    }
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "AVAILABLE",
            Self::Deprecated => "DEPRECATED",
            Self::Disabled => "DISABLED",
            Self::Deleted => "DELETED",
        }
    }
}

impl TimeUnit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Days => "DAYS",
            Self::Weeks => "WEEKS",
            Self::Months => "MONTHS",
            Self::Years => "YEARS",
        }
    }
}

fn include_resources(included: IncludeResources) -> ResourceStateUpdateIncludeResources {
    ResourceStateUpdateIncludeResources::builder()
        .amis(included.amis)
        .snapshots(included.snapshots)
        .containers(included.containers)
        .build()
}

fn exclusion_rules(rules: &ExclusionRules) -> ResourceStateUpdateExclusionRules {
    ResourceStateUpdateExclusionRules::builder()
        .set_amis(rules.amis.as_ref().map(ami_exclusion_rules))
        .build()
}

fn ami_exclusion_rules(amis: &AmiExclusionRules) -> LifecyclePolicyDetailExclusionRulesAmis {
    let tags = amis.tag_map.clone().map(|tags| tags.into_iter().collect());
    LifecyclePolicyDetailExclusionRulesAmis::builder()
        .is_public(amis.is_public)
        .set_regions(amis.regions.clone())
        .set_shared_accounts(amis.shared_accounts.clone())
        .set_last_launched(amis.last_launched.and_then(last_launched))
        .set_tag_map(tags)
        .build()
}

fn last_launched(
    LastLaunched { unit, value }: LastLaunched,
) -> Option<LifecyclePolicyDetailExclusionRulesAmisLastLaunched> {
    let unit = unit.as_str().into();
    // Both fields are given, so there is nothing that the builder could miss.
    LifecyclePolicyDetailExclusionRulesAmisLastLaunched::builder()
        .unit(unit)
        .value(value)
        .build()
        .ok()
}
