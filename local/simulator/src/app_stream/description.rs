//! An image builder as the operations answer it: every field of the model.
#![expect(clippy::struct_field_names, reason = "the names are AWS's")]

use std::time::SystemTime;

use serde::Serialize;

use super::builder::{Builder, LATEST_AGENT};
use crate::rpc_v2_cbor::Timestamp;

const ARN: &str = "arn:aws:appstream:us-east-1:123456789012:image-builder/";
pub(super) const BASE_IMAGE: &str =
    "arn:aws:appstream:us-east-1::image/AppStream-WinServer2022-06-17-2026";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Description {
    name: String,
    arn: String,
    image_arn: &'static str,
    description: String,
    display_name: String,
    vpc_config: VpcConfig,
    instance_type: &'static str,
    platform: &'static str,
    iam_role_arn: &'static str,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_change_reason: Option<Reason>,
    created_time: Timestamp,
    enable_default_internet_access: bool,
    domain_join_info: DomainJoinInfo,
    network_access_configuration: NetworkAccessConfiguration,
    image_builder_errors: Vec<ResourceError>,
    appstream_agent_version: String,
    access_endpoints: [AccessEndpoint; 1],
    root_volume_config: VolumeConfig,
    latest_appstream_agent_version: &'static str,
    #[serde(rename = "DisableIMDSV1")]
    disable_imdsv1: bool,
}

impl Description {
    pub(super) fn of(builder: &Builder, now: SystemTime) -> Self {
        let is_latest = builder.agent_version == LATEST_AGENT;
        Self {
            name: builder.name.clone(),
            arn: format!("{ARN}{}", builder.name),
            image_arn: BASE_IMAGE,
            description: format!("builds the image {}", builder.name),
            display_name: builder.name.clone(),
            vpc_config: VpcConfig {
                subnet_ids: ["subnet-0a1b2c3d"],
                security_group_ids: ["sg-0a1b2c3d"],
            },
            instance_type: "stream.standard.medium",
            platform: "WINDOWS_SERVER_2022",
            iam_role_arn: "arn:aws:iam::123456789012:role/image-builder",
            state: builder.state(now).to_owned(),
            state_change_reason: builder.reason.clone(),
            created_time: Timestamp(builder.created),
            enable_default_internet_access: false,
            domain_join_info: DomainJoinInfo {
                directory_name: "corp.example.com",
                organizational_unit_distinguished_name: "OU=Builders,DC=corp,DC=example,DC=com",
            },
            network_access_configuration: NetworkAccessConfiguration {
                eni_private_ip_address: "10.0.0.7",
                eni_ipv6_addresses: ["2001:db8::7"],
                eni_id: "eni-0a1b2c3d",
            },
            image_builder_errors: builder.errors.clone(),
            appstream_agent_version: builder.agent_version.clone(),
            access_endpoints: [AccessEndpoint {
                endpoint_type: "STREAMING",
                vpce_id: "vpce-0a1b2c3d",
            }],
            root_volume_config: VolumeConfig { volume_size_in_gb: 200 },
            latest_appstream_agent_version: if is_latest { "TRUE" } else { "FALSE" },
            disable_imdsv1: true,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Reason {
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResourceError {
    pub(super) error_code: String,
    pub(super) error_message: String,
    pub(super) error_timestamp: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VpcConfig {
    subnet_ids: [&'static str; 1],
    security_group_ids: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DomainJoinInfo {
    directory_name: &'static str,
    organizational_unit_distinguished_name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkAccessConfiguration {
    eni_private_ip_address: &'static str,
    eni_ipv6_addresses: [&'static str; 1],
    eni_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessEndpoint {
    endpoint_type: &'static str,
    vpce_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeConfig {
    volume_size_in_gb: i32,
}
