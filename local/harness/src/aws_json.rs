//! The awsJson1.0 form of answers, which DynamoDB and SQS speak.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use simulator::ServiceError;

/// A 200 with this body.
pub(crate) fn answer(body: &Value) -> Response {
    let mut answer = Response::new(Body::from(body.to_string()));
    let form = HeaderValue::from_static("application/x-amz-json-1.0");
    answer.headers_mut().insert(header::CONTENT_TYPE, form);
    answer
}

/// The error, and for SQS its older code in a header, by which the SDK knows it.
pub(crate) fn refusal(error: &ServiceError) -> Response {
    let mut answer = answer(
        &json!({"__type": format!("com.amazonaws#{}", error.code), "message": error.message}),
    );
    *answer.status_mut() = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    let fault = if error.status < 500 { "Sender" } else { "Receiver" };
    if let Ok(code) = HeaderValue::from_str(&format!("{};{fault}", query_code(&error.code))) {
        answer.headers_mut().insert("x-amzn-query-error", code);
    }
    answer
}

/// SQS's code for an error in its older query protocol, which its entries in batches use too.
pub(crate) fn query_code(code: &str) -> String {
    match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
        "BatchEntryIdsNotDistinct"
        | "BatchRequestTooLong"
        | "EmptyBatchRequest"
        | "InvalidBatchEntryId"
        | "MessageNotInflight"
        | "TooManyEntriesInBatchRequest"
        | "UnsupportedOperation" => {
            format!("AWS.SimpleQueueService.{code}")
        }
        _ => code.to_owned(),
    }
}
