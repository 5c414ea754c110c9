//! What is sent to AppStream, and what is kept of its answer.

use serde_json::{Value, json};

use crate::{BUILDER, OPERATION, function, outcome, start};

#[tokio::test]
async fn every_field_of_the_request_is_sent() {
    let function = function("STOPPED").await;
    let wish = json!({
        "Name": BUILDER, "AppstreamAgentVersion": "LATEST",
        "clientToken": "t", "notAfter": "2026-11-20T06:00:00Z", "whenBusy": "skip"
    });
    assert_eq!(outcome(&function.invoke(&wish).await.unwrap()), "STARTED");
    let requests = function.world.app_stream().requests();
    let sent = requests.iter().find(|request| request.operation == OPERATION).unwrap();
    assert_eq!(sent.body, json!({"Name": BUILDER, "AppstreamAgentVersion": "LATEST"}));
}

#[tokio::test]
async fn an_absent_agent_version_is_left_out() {
    let function = function("STOPPED").await;
    function.invoke(&start("t")).await.unwrap();
    let requests = function.world.app_stream().requests();
    let sent = requests.iter().find(|request| request.operation == OPERATION).unwrap();
    assert_eq!(sent.body, json!({"Name": BUILDER}));
}

#[tokio::test]
async fn the_client_speaks_cbor() {
    let function = function("STOPPED").await;
    function.invoke(&start("t")).await.unwrap();
    let sent = function.world.app_stream().requests().remove(0);
    assert_eq!(sent.headers["smithy-protocol"], "rpc-v2-cbor");
    assert_eq!(sent.headers["content-type"], "application/cbor");
}

#[tokio::test]
async fn the_whole_image_builder_is_kept() {
    let function = function("STOPPED").await;
    let app_stream = function.world.app_stream();
    app_stream.set_state_change_reason(BUILDER, "INTERNAL_ERROR", "it was stopped").unwrap();
    app_stream.add_error(BUILDER, "DOMAIN_JOIN_ERROR_ACCESS_DENIED", "not now").unwrap();
    function.invoke(&start("t")).await.unwrap();
    let item = function.item("t");
    let receipt: Value = serde_json::from_str(item["receipt"].as_str().unwrap()).unwrap();
    let fields: Vec<&str> = receipt.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "AccessEndpoints",
            "AppstreamAgentVersion",
            "Arn",
            "CreatedTime",
            "Description",
            "DisableIMDSV1",
            "DisplayName",
            "DomainJoinInfo",
            "EnableDefaultInternetAccess",
            "IamRoleArn",
            "ImageArn",
            "ImageBuilderErrors",
            "InstanceType",
            "LatestAppstreamAgentVersion",
            "Name",
            "NetworkAccessConfiguration",
            "Platform",
            "RootVolumeConfig",
            "State",
            "StateChangeReason",
            "VpcConfig",
        ]
    );
    assert_eq!(receipt["Name"], BUILDER);
    assert_eq!(receipt["State"], "PENDING");
    for (structure, fields) in [
        ("DomainJoinInfo", vec!["DirectoryName", "OrganizationalUnitDistinguishedName"]),
        ("NetworkAccessConfiguration", vec!["EniId", "EniIpv6Addresses", "EniPrivateIpAddress"]),
        ("RootVolumeConfig", vec!["VolumeSizeInGb"]),
        ("StateChangeReason", vec!["Code", "Message"]),
        ("VpcConfig", vec!["SecurityGroupIds", "SubnetIds"]),
    ] {
        let found: Vec<_> = receipt[structure].as_object().unwrap().keys().collect();
        assert_eq!(found, fields, "{structure}");
    }
    let error = &receipt["ImageBuilderErrors"][0];
    let found: Vec<_> = error.as_object().unwrap().keys().collect();
    assert_eq!(found, ["ErrorCode", "ErrorMessage", "ErrorTimestamp"]);
    let endpoint: Vec<_> = receipt["AccessEndpoints"][0].as_object().unwrap().keys().collect();
    assert_eq!(endpoint, ["EndpointType", "VpceId"]);
}
