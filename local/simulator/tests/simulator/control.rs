//! The wire below the SDK: bodies that it would not send, and the binary with its own routes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::{START, WEB};

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
fn a_control_request_that_cannot_be_read_is_refused() {
    let simulator = Binary::start(&[]);
    let cases = [
        ("PUT", "/simulator/pipelines", r#"{"arn": "web"}"#),
        ("PUT", "/simulator/pipelines", r#"{"name": "web"}"#),
        ("POST", "/simulator/faults", r#"{"operation": "GetImage", "fault": "explode"}"#),
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
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}"
        );
        write!(stream, "{head}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer {
            status,
            head: head.to_owned(),
            body: serde_json::from_str(body).unwrap_or_default(),
        }
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
