//! A stand-in for CloudFormation: `DescribeStacks` of one stack, in the service's own XML.

use std::fmt::Write;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) struct CloudFormation {
    url: String,
    server: JoinHandle<()>,
}

impl CloudFormation {
    pub(crate) async fn start(stack: &'static str, outputs: &[(&str, &str)]) -> Self {
        let described = described(stack, outputs);
        let router = Router::new().fallback(move |body: String| async move {
            if !body.contains("Action=DescribeStacks") {
                return error("InvalidAction", "expected DescribeStacks");
            }
            match body.split('&').find_map(|pair| pair.strip_prefix("StackName=")) {
                Some(name) if name == stack => xml(StatusCode::OK, described),
                Some("forbidden") => {
                    error("AccessDenied", "you may not cloudformation:DescribeStacks")
                }
                name => {
                    let name = name.unwrap_or_default();
                    error("ValidationError", &format!("Stack with id {name} does not exist"))
                }
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, server }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for CloudFormation {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn described(stack: &str, outputs: &[(&str, &str)]) -> String {
    let mut members = String::new();
    for (key, value) in outputs {
        write!(
            members,
            "<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"
        )
        .unwrap();
    }
    format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
         <DescribeStacksResult><Stacks><member><StackName>{stack}</StackName>\
         <CreationTime>2026-11-20T01:00:00Z</CreationTime>\
         <StackStatus>CREATE_COMPLETE</StackStatus><Outputs>{members}</Outputs></member></Stacks>\
         </DescribeStacksResult></DescribeStacksResponse>"
    )
}

fn error(code: &str, message: &str) -> Response {
    let body = format!(
        "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error>\
         <Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>r</RequestId></ErrorResponse>"
    );
    xml(StatusCode::BAD_REQUEST, body)
}

fn xml(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/xml")], body).into_response()
}
