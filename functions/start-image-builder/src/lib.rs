//! Starts image builders of AppStream, now WorkSpaces Applications: `StartImageBuilder`.
//!
//! The API takes no client token. What a token does elsewhere, the builder's own state does here:
//! it is asked before every start, and again after every one whose outcome is in question.
//!
//! <https://docs.aws.amazon.com/appstream2/latest/APIReference/API_StartImageBuilder.html>

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_appstream::config::retry::RetryConfig;
use aws_sdk_appstream::operation::describe_image_builders::DescribeImageBuildersError;
use aws_sdk_appstream::types::{
    AccessEndpoint, AccessEndpointType, DomainJoinInfo, FleetErrorCode, ImageBuilder,
    ImageBuilderState as State, ImageBuilderStateChangeReason, ImageBuilderStateChangeReasonCode,
    LatestAppstreamAgentVersion, NetworkAccessConfiguration, PlatformType, ResourceError,
    VolumeConfig, VpcConfig,
};
use aws_sdk_appstream::{Client, config};
use serde::{Deserialize, Serialize};
use shared::failure::Kind;
use shared::sdk::RetryClassifier;
use shared::{Attempt, Failure, Findings, Operation, Receipt, Request};

/// The request, with AWS's field names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct StartImageBuilderRequest {
    /// The builder to start.
    pub name: String,
    /// The agent to start it with; `LATEST` for the latest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appstream_agent_version: Option<String>,
}

impl Request for StartImageBuilderRequest {
    fn target(&self) -> String {
        self.name.clone()
    }

    fn check(&self, findings: &mut Findings) {
        findings.length("Name", &self.name, 1..=usize::MAX);
        if let Some(version) = &self.appstream_agent_version {
            findings.length("AppstreamAgentVersion", version, 1..=100);
        }
    }
}

/// The operation, with its client.
#[derive(Clone, Debug)]
pub struct StartImageBuilder {
    client: Client,
}

impl StartImageBuilder {
    /// The operation with a client of this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let classifier = RetryClassifier::<DescribeImageBuildersError>::default();
        let config = config::Builder::from(config).retry_classifier(classifier).build();
        Self { client: Client::from_conf(config) }
    }
}

impl Operation for StartImageBuilder {
    const NAME: &'static str = "StartImageBuilder";
    /// Never sent: it identifies the wish in the ledger only.
    const LONGEST_TOKEN: usize = 64;
    /// Shorter than a start and a stop together: a builder found STOPPED within this time was not
    /// started by us and stopped by somebody else since.
    const REPEATABLE_FOR: Duration = Duration::from_mins(3);
    /// A builder stops, or is stored as an image, within minutes.
    const BUSY_DELAY: Duration = Duration::from_mins(5);

    type Request = StartImageBuilderRequest;

    async fn call(
        &self,
        request: &Self::Request,
        attempt: &Attempt<'_>,
    ) -> Result<Receipt, Failure> {
        let builder = self.describe(request, attempt).await?;
        match standing(&builder) {
            Standing::Started => Ok(receipt(&builder)),
            Standing::Stopped => match self.start(request, attempt).await {
                Err(failure) if attempt.is_sent() => self.observe(request, attempt, failure).await,
                other => other,
            },
            Standing::Busy => Err(busy(&builder)),
            Standing::Lost => Err(lost(&builder)),
        }
    }
}

/// What a state means for a wish to have the builder started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It runs, or is on its way there.
    Started,
    /// It can be started.
    Stopped,
    /// It is at work on something else.
    Busy,
    /// It will not run again.
    Lost,
}

fn standing(builder: &ImageBuilder) -> Standing {
    match builder.state() {
        Some(State::Running | State::Pending | State::UpdatingAgent | State::Rebooting) => {
            Standing::Started
        }
        Some(State::Stopped) => Standing::Stopped,
        Some(State::Deleting | State::Failed) => Standing::Lost,
        // STOPPING, SNAPSHOTTING, UPDATING, QUALIFICATION, SYNCING and IMPORT pass by themselves;
        // of a state that is newer than this code nothing else is known.
        _ => Standing::Busy,
    }
}

impl StartImageBuilder {
    async fn describe(
        &self,
        request: &StartImageBuilderRequest,
        attempt: &Attempt<'_>,
    ) -> Result<ImageBuilder, Failure> {
        let question = self.client.describe_image_builders().names(&request.name).send();
        let answer = attempt.read(question).await?;
        answer.image_builders.into_iter().flatten().next().ok_or_else(|| {
            Failure::new(
                Kind::Permanent,
                "ResourceNotFoundException",
                format!(
                    "found no image builder named `{}` in this account and region",
                    request.name
                ),
            )
        })
    }

    /// The one call, never repeated blindly: without a token a repeat is another start.
    async fn start(
        &self,
        request: &StartImageBuilderRequest,
        attempt: &Attempt<'_>,
    ) -> Result<Receipt, Failure> {
        let once =
            config::Config::builder().retry_config(RetryConfig::standard().with_max_attempts(1));
        let call = self
            .client
            .start_image_builder()
            .name(&request.name)
            .set_appstream_agent_version(request.appstream_agent_version.clone())
            .customize()
            .config_override(once)
            .send();
        let answer = attempt.send(call).await?;
        Ok(answer.image_builder().map(receipt).unwrap_or_default())
    }

    /// After a start that was sent and failed: what the builder itself says.
    async fn observe(
        &self,
        request: &StartImageBuilderRequest,
        attempt: &Attempt<'_>,
        failure: Failure,
    ) -> Result<Receipt, Failure> {
        let builder = match self.describe(request, attempt).await {
            Ok(builder) => builder,
            Err(question) => return Err(failure.unexplained(question)),
        };
        match standing(&builder) {
            Standing::Started => Ok(receipt(&builder)),
            Standing::Busy if failure.kind == Kind::Permanent => Err(busy(&builder)),
            // A start that was accepted shows at once, and this one is on its way no longer.
            Standing::Stopped if failure.kind == Kind::ServerFault => {
                Err(Failure { kind: Kind::Transient, ..failure })
            }
            _ => Err(failure),
        }
    }
}

fn busy(builder: &ImageBuilder) -> Failure {
    let message = format!("the image builder is {}, expected STOPPED", describe_state(builder));
    Failure::new(Kind::Busy, "ImageBuilderBusy", message)
}

fn lost(builder: &ImageBuilder) -> Failure {
    let message = format!("the image builder is {}, expected STOPPED", describe_state(builder));
    Failure::new(Kind::Permanent, "ImageBuilderLost", message)
}

/// The state, and what AWS says of why.
fn describe_state(builder: &ImageBuilder) -> String {
    let state = builder.state().map_or("without a state", State::as_str).to_owned();
    let reason = builder.state_change_reason().and_then(|reason| reason.message());
    let errors = builder.image_builder_errors().iter().filter_map(|error| error.error_message());
    let why: Vec<_> = reason.into_iter().chain(errors).collect();
    if why.is_empty() { state } else { format!("{state} ({})", why.join("; ")) }
}

fn receipt(builder: &ImageBuilder) -> Receipt {
    Receipt::default()
        .with("Name", builder.name())
        .with("Arn", builder.arn())
        .with("ImageArn", builder.image_arn())
        .with("Description", builder.description())
        .with("DisplayName", builder.display_name())
        .with("VpcConfig", builder.vpc_config().map(vpc_config))
        .with("InstanceType", builder.instance_type())
        .with("Platform", builder.platform().map(PlatformType::as_str))
        .with("IamRoleArn", builder.iam_role_arn())
        .with("State", builder.state().map(State::as_str))
        .with("StateChangeReason", builder.state_change_reason().map(state_change_reason))
        .with_time("CreatedTime", builder.created_time())
        .with("EnableDefaultInternetAccess", builder.enable_default_internet_access())
        .with("DomainJoinInfo", builder.domain_join_info().map(domain_join_info))
        .with(
            "NetworkAccessConfiguration",
            builder.network_access_configuration().map(network_access_configuration),
        )
        .with("ImageBuilderErrors", list(builder.image_builder_errors.as_ref(), resource_error))
        .with("AppstreamAgentVersion", builder.appstream_agent_version())
        .with("AccessEndpoints", list(builder.access_endpoints.as_ref(), access_endpoint))
        .with("RootVolumeConfig", builder.root_volume_config().map(root_volume_config))
        .with(
            "LatestAppstreamAgentVersion",
            builder.latest_appstream_agent_version().map(LatestAppstreamAgentVersion::as_str),
        )
        .with("DisableIMDSV1", builder.disable_imdsv1())
}

/// A list that AWS gave, also where it is empty.
fn list<T>(values: Option<&Vec<T>>, receipt: fn(&T) -> Receipt) -> Option<Vec<Receipt>> {
    values.map(|values| values.iter().map(receipt).collect())
}

fn vpc_config(vpc: &VpcConfig) -> Receipt {
    Receipt::default()
        .with("SubnetIds", vpc.subnet_ids.clone())
        .with("SecurityGroupIds", vpc.security_group_ids.clone())
}

fn state_change_reason(reason: &ImageBuilderStateChangeReason) -> Receipt {
    Receipt::default()
        .with("Code", reason.code().map(ImageBuilderStateChangeReasonCode::as_str))
        .with("Message", reason.message())
}

fn domain_join_info(info: &DomainJoinInfo) -> Receipt {
    Receipt::default()
        .with("DirectoryName", info.directory_name())
        .with("OrganizationalUnitDistinguishedName", info.organizational_unit_distinguished_name())
}

fn network_access_configuration(network: &NetworkAccessConfiguration) -> Receipt {
    Receipt::default()
        .with("EniPrivateIpAddress", network.eni_private_ip_address())
        .with("EniIpv6Addresses", network.eni_ipv6_addresses.clone())
        .with("EniId", network.eni_id())
}

fn resource_error(error: &ResourceError) -> Receipt {
    Receipt::default()
        .with("ErrorCode", error.error_code().map(FleetErrorCode::as_str))
        .with("ErrorMessage", error.error_message())
        .with_time("ErrorTimestamp", error.error_timestamp())
}

fn access_endpoint(endpoint: &AccessEndpoint) -> Receipt {
    Receipt::default()
        .with("EndpointType", endpoint.endpoint_type().map(AccessEndpointType::as_str))
        .with("VpceId", endpoint.vpce_id())
}

fn root_volume_config(volume: &VolumeConfig) -> Receipt {
    Receipt::default().with("VolumeSizeInGb", volume.volume_size_in_gb())
}
