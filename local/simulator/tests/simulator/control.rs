//! The wire below the SDK: bodies that it would not send, and the binary with its own routes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::{START, WEB};

const IMAGE: &str = "arn:aws:imagebuilder:eu-west-1:123456789012:image/web/1.0.0/1";
const APP_STREAM: &str = "/service/PhotonAdminProxyService/operation/StartImageBuilder";
const CBOR: &str = "smithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor\r\n";
/// `{"Name": "desk"}` in CBOR.
const DESK: &[u8] = b"\xa1\x64Name\x64desk";
const STARTED: &str = r#"{"imagePipelineArn": "arn:aws:imagebuilder:eu-west-1:123456789012:image-pipeline/web", "clientToken": "t1"}"#;

#[test]
fn a_body_that_cannot_be_read_is_refused_with_its_code_in_a_header() {
    let simulator = Binary::start(&[]);
    for body in ["not json", r#"{"clientToken": 1}"#, r#"{"tags": []}"#, "[1]"] {
        let answer = simulator.ask("PUT", &format!("/{START}"), body);
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.error_type(), Some("SerializationException"), "{body}");
        assert!(answer.body["message"].is_string(), "{body}");
    }
}

#[test]
fn a_missing_body_token_or_empty_tags_are_invalid() {
    let simulator = Binary::start(&["--pipeline", WEB]);
    let without_token = json!({"imagePipelineArn": WEB}).to_string();
    let without_tags =
        json!({"imagePipelineArn": WEB, "clientToken": "t1", "tags": {}}).to_string();
    for body in ["", "{}", &without_token, &without_tags] {
        let answer = simulator.ask("PUT", &format!("/{START}"), body);
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.error_type(), Some("InvalidRequestException"), "{body}");
    }
}

#[test]
fn an_operation_that_is_not_simulated_is_unknown() {
    let simulator = Binary::start(&[]);
    let answer = simulator.ask("PUT", "/CreateImage", "{}");
    assert_eq!((answer.status, answer.error_type()), (404, Some("UnknownOperationException")));
}

#[test]
fn pipelines_of_the_command_line_and_of_the_control_surface_can_be_started() {
    let simulator = Binary::start(&["--pipeline", WEB]);
    let other = WEB.replace("web", "other");
    let created = json!({"arn": other}).to_string();
    assert_eq!(simulator.ask("PUT", "/simulator/pipelines", &created).status, 204);
    assert_eq!(simulator.ask("PUT", &format!("/{START}"), STARTED).status, 200);
    let started = STARTED.replace("web", "other").replace("t1", "t2");
    assert_eq!(simulator.ask("PUT", &format!("/{START}"), &started).status, 200);
    let summary = simulator.ask("GET", "/simulator/summary", "").body;
    assert_eq!(summary["effects"], 2);
    assert_eq!(summary["effectsByPipeline"], json!({WEB: 1, other: 1}));
    assert_eq!(summary["requests"], json!({START: 2}));
    assert_eq!(summary["images"][0]["state"]["status"], "PENDING");
}

#[test]
fn builds_end_when_the_control_surface_says_so() {
    let simulator = Binary::start(&["--pipeline", WEB]);
    simulator.ask("PUT", &format!("/{START}"), STARTED);
    assert_eq!(simulator.ask("POST", "/simulator/finish", "").status, 204);
    let summary = simulator.ask("GET", "/simulator/summary", "").body;
    assert_eq!(summary["images"][0]["state"]["status"], "AVAILABLE");
}

#[test]
fn builds_end_by_themselves_after_the_given_seconds() {
    let simulator = Binary::start(&["--pipeline", WEB, "--build-seconds", "0"]);
    simulator.ask("PUT", &format!("/{START}"), STARTED);
    let summary = simulator.ask("GET", "/simulator/summary", "").body;
    assert_eq!(summary["images"][0]["state"]["status"], "AVAILABLE");
}

#[test]
fn faults_can_be_scripted_and_cleared_by_the_control_surface() {
    let simulator = Binary::start(&["--pipeline", WEB]);
    let error = json!({"operation": START, "fault": "error", "code": "ServiceException", "status": 500, "times": 2});
    assert_eq!(simulator.ask("POST", "/simulator/faults", &error.to_string()).status, 204);
    let forever =
        json!({"operation": START, "fault": "badGateway", "afterWork": true, "times": "forever"});
    assert_eq!(simulator.ask("POST", "/simulator/faults", &forever.to_string()).status, 204);
    let statuses = [(); 4].map(|()| simulator.ask("PUT", &format!("/{START}"), STARTED).status);
    assert_eq!(statuses, [500, 500, 502, 502]);
    assert_eq!(simulator.ask("GET", "/simulator/summary", "").body["effects"], 1);
    assert_eq!(simulator.ask("DELETE", "/simulator/faults", "").status, 204);
    assert_eq!(simulator.ask("PUT", &format!("/{START}"), STARTED).status, 200);
}

#[test]
fn all_targets_of_the_command_line_are_there_and_told_by_the_summary() {
    let simulator = Binary::start(
        &[
            &["--pipeline", WEB, "--image", &format!("{IMAGE}=DEPRECATED")][..],
            &["--image-builder", "desk=STOPPED", "--session", "studio/anna=READY"][..],
        ]
        .concat(),
    );
    let summary = simulator.ask("GET", "/simulator/summary", "").body;
    assert_eq!(summary["images"][0]["arn"], IMAGE);
    assert_eq!(summary["images"][0]["state"]["status"], "DEPRECATED");
    assert_eq!(summary["imageBuilders"], json!({"desk": "STOPPED"}));
    assert_eq!(summary["sessions"], json!({"studio/anna": "READY"}));
    let nothing = json!({"requests": 0, "effects": {}});
    let services = json!({
        "imagebuilder": {
            "StartImagePipelineExecution": nothing, "StartResourceStateUpdate": nothing, "GetImage": nothing,
            "GetImagePipeline": nothing, "GetLifecycleExecution": nothing, "ListImagePipelineImages": nothing,
        },
        "appstream": {"StartImageBuilder": nothing, "DescribeImageBuilders": nothing},
        "nimble": {"StartStreamingSession": nothing, "GetStreamingSession": nothing},
    });
    assert_eq!(summary["services"], services);
}

#[test]
fn a_bad_target_on_the_command_line_ends_the_binary_with_what_was_expected() {
    let bad = [
        ("--image", "web", "ARN=STATUS"),
        ("--image", "web=AVAILABLE", "resourceArn"),
        ("--image-builder", "=STOPPED", "NAME=STATE"),
        ("--session", "anna=STOPPED", "STUDIO/SESSION=STATE"),
        ("--session", "studio/anna", "STUDIO/SESSION=STATE"),
    ];
    for (flag, value, expected) in bad {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
        let output = command.args([flag, value]).output().unwrap();
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains(expected), "{output:?}");
    }
}

#[test]
fn effects_are_told_by_service_operation_and_target() {
    let simulator = Binary::start(&["--pipeline", WEB, "--session", "studio/anna=STOPPED"]);
    simulator.ask("PUT", &format!("/{START}"), STARTED);
    let start = "/2020-08-01/studios/studio/streaming-sessions/anna/start";
    assert_eq!(simulator.ask("POST", start, "").status, 200);
    assert_eq!(simulator.ask("POST", start, "{}").status, 409);
    let services = &simulator.ask("GET", "/simulator/summary", "").body["services"];
    let pipeline = json!({"requests": 1, "effects": {WEB: 1}});
    assert_eq!(services["imagebuilder"][START], pipeline);
    let session = json!({"requests": 2, "effects": {"studio/anna": 1}});
    assert_eq!(services["nimble"]["StartStreamingSession"], session);
}

#[test]
fn targets_of_all_services_can_be_put_and_put_again() {
    let simulator = Binary::start(&[]);
    for state in ["AVAILABLE", "DISABLED"] {
        let bodies = [
            ("images", json!({"arn": IMAGE, "status": state})),
            ("image-builders", json!({"name": "desk", "state": state})),
            ("sessions", json!({"studioId": "studio", "sessionId": "anna", "state": state})),
        ];
        for (kind, body) in bodies {
            let answer = simulator.ask("PUT", &format!("/simulator/{kind}"), &body.to_string());
            assert_eq!(answer.status, 204, "{kind}");
        }
        let summary = simulator.ask("GET", "/simulator/summary", "").body;
        assert_eq!(summary["images"].as_array().unwrap().len(), 1);
        assert_eq!(summary["images"][0]["state"]["status"], state);
        assert_eq!(summary["imageBuilders"]["desk"], state);
        assert_eq!(summary["sessions"]["studio/anna"], state);
    }
}

#[test]
fn starts_end_when_the_control_surface_says_so_and_after_the_given_seconds() {
    let session = "studio/anna=STOPPED";
    let start = "/2020-08-01/studios/studio/streaming-sessions/anna/start";
    let simulator = Binary::start(&["--session", session]);
    simulator.ask("POST", start, "");
    let state = |simulator: &Binary| {
        simulator.ask("GET", "/simulator/summary", "").body["sessions"]["studio/anna"].clone()
    };
    assert_eq!(state(&simulator), "START_IN_PROGRESS");
    simulator.ask("POST", "/simulator/finish", "");
    assert_eq!(state(&simulator), "READY");
    let simulator = Binary::start(&["--session", session, "--start-seconds", "0"]);
    simulator.ask("POST", start, "");
    assert_eq!(state(&simulator), "READY");
}

#[test]
fn faults_reach_every_service_by_the_name_of_the_operation() {
    let simulator = Binary::start(&["--session", "studio/anna=STOPPED"]);
    let start = "/2020-08-01/studios/studio/streaming-sessions/anna/start";
    let fault = |operation: &str| {
        let fault = json!({"operation": operation, "fault": "badGateway", "times": "forever"});
        simulator.ask("POST", "/simulator/faults", &fault.to_string()).status
    };
    let operations = ["StartStreamingSession", "StartImageBuilder", "StartResourceStateUpdate"];
    assert_eq!(operations.map(fault), [204; 3]);
    assert_eq!(simulator.ask("POST", start, "").status, 502);
    assert_eq!(simulator.ask("POST", APP_STREAM, "").status, 502);
    assert_eq!(simulator.ask("PUT", "/StartResourceStateUpdate", "").status, 502);
    assert_eq!(simulator.ask("DELETE", "/simulator/faults", "").status, 204);
    assert_eq!(simulator.ask("POST", start, "").status, 200);
    assert_eq!(simulator.ask("POST", APP_STREAM, "").status, 400);
    assert_eq!(simulator.ask("PUT", "/StartResourceStateUpdate", "").status, 400);
}

#[test]
fn a_request_to_app_stream_without_its_protocol_is_refused() {
    let simulator = Binary::start(&["--image-builder", "desk=STOPPED"]);
    for head in ["", "smithy-protocol: rpc-v2-cbor\r\n", "content-type: application/cbor\r\n"] {
        let answer = simulator.send("POST", APP_STREAM, head, DESK);
        assert_eq!(answer.status, 400, "{head}");
        assert!(answer.head.contains("smithy-protocol: rpc-v2-cbor"), "{}", answer.head);
    }
    let summary = simulator.ask("GET", "/simulator/summary", "").body;
    assert_eq!(summary["imageBuilders"]["desk"], "STOPPED");
}

#[test]
fn app_stream_reads_maps_of_known_and_of_unknown_length() {
    for body in [DESK, b"\xbf\x64Name\x64desk\xff"] {
        let simulator = Binary::start(&["--image-builder", "desk=STOPPED"]);
        assert_eq!(simulator.send("POST", APP_STREAM, CBOR, body).status, 200, "{body:?}");
        let summary = simulator.ask("GET", "/simulator/summary", "").body;
        assert_eq!(summary["imageBuilders"]["desk"], "PENDING", "{body:?}");
    }
}

#[test]
fn a_request_to_app_stream_that_cannot_be_read_is_refused() {
    let simulator = Binary::start(&["--image-builder", "desk=STOPPED"]);
    for body in [&b""[..], b"{\"Name\": \"desk\"}", &DESK[..8], b"\xa1\x64Name\x01"] {
        let answer = simulator.send("POST", APP_STREAM, CBOR, body);
        assert_eq!(answer.status, 400, "{body:?}");
        assert!(answer.text.contains("com.amazonaws.appstream#SerializationException"), "{body:?}");
    }
}

#[test]
fn a_control_request_that_cannot_be_read_is_refused() {
    let simulator = Binary::start(&[]);
    let cases = [
        ("PUT", "/simulator/pipelines", r#"{"arn": "web"}"#),
        ("PUT", "/simulator/pipelines", r#"{"name": "web"}"#),
        ("PUT", "/simulator/images", r#"{"arn": "web", "status": "AVAILABLE"}"#),
        ("PUT", "/simulator/image-builders", r#"{"name": "desk"}"#),
        ("PUT", "/simulator/sessions", r#"{"studio": "s", "session": "a", "state": "READY"}"#),
        ("POST", "/simulator/faults", r#"{"operation": "GetImage", "fault": "explode"}"#),
        ("POST", "/simulator/faults", r#"{"operation": "GetImages", "fault": "drop"}"#),
        (
            "POST",
            "/simulator/faults",
            r#"{"operation": "GetImage", "fault": "drop", "times": "often"}"#,
        ),
    ];
    for (method, path, body) in cases {
        assert_eq!(simulator.ask(method, path, body).status, 400, "{body}");
    }
}

#[test]
fn a_bad_pipeline_on_the_command_line_ends_the_binary_with_a_sentence() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
    let output = command.args(["--pipeline", "web"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("image-pipeline"), "{output:?}");
}

#[test]
fn the_binary_ends_well_on_sigterm_and_on_sigint() {
    for signal in ["-TERM", "-INT"] {
        let mut simulator = Binary::start(&[]);
        let id = simulator.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert!(simulator.child.wait().unwrap().success(), "{signal}");
    }
}

/// The real binary on a free port.
struct Binary {
    child: Child,
    address: String,
}

struct Answer {
    status: u16,
    head: String,
    text: String,
    body: Value,
}

impl Binary {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, path, "", body.as_bytes())
    }

    /// The same with more headers, each with its end of line.
    fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}"
        );
        stream.write_all(&[head.as_bytes(), b"\r\n\r\n", body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        // What is in CBOR is text but for the marks between.
        let answer = String::from_utf8_lossy(&answer);
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = serde_json::from_str(text).unwrap_or_default();
        Answer { status, head: head.to_owned(), text: text.to_owned(), body }
    }
}

impl Answer {
    fn error_type(&self) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix("x-amzn-errortype: "))
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
