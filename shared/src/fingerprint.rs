//! Whether two requests are the same request.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Goes into every fingerprint; a change of the canonical form must change it, and by that turns
/// every wish in flight into a mismatch: a release note, not an accident.
const VERSION: &str = "1";

/// The SHA-256 over the canonical form of a request, in hexadecimal: keys sorted, absent fields
/// left out, times in epoch milliseconds; without token and control fields, which are no part of
/// the request.
///
/// # Errors
/// Where the request cannot be written as JSON.
pub fn fingerprint<R: Serialize>(operation: &str, request: &R) -> serde_json::Result<String> {
    let mut canonical = serde_json::to_value(request)?;
    canonical.sort_all_objects();
    strip_absent(&mut canonical);
    let digest = Sha256::digest(format!("{VERSION}\n{operation}\n{canonical}"));
    Ok(digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

fn strip_absent(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(strip_absent);
        }
        Value::Array(values) => values.iter_mut().for_each(strip_absent),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_keys_and_absent_fields_do_not_matter() {
        let one = json!({"b": 1, "a": {"d": null, "c": 2}});
        let two = json!({"a": {"c": 2}, "b": 1, "e": null});
        assert_eq!(fingerprint("Op", &one).unwrap(), fingerprint("Op", &two).unwrap());
    }

    #[test]
    fn another_value_or_another_operation_is_another_fingerprint() {
        let golden = fingerprint("Op", &json!({"a": 1})).unwrap();
        assert_ne!(golden, fingerprint("Op", &json!({"a": 2})).unwrap());
        assert_ne!(golden, fingerprint("Other", &json!({"a": 1})).unwrap());
    }

    #[test]
    fn a_new_release_keeps_the_fingerprints_of_wishes_in_flight() {
        let request = json!({"tags": {"team": "images", "night": "1"}, "imagePipelineArn": "arn"});
        assert_eq!(
            fingerprint("StartImagePipelineExecution", &request).unwrap(),
            "8d03ac3b35e6e9f8ed88e5518007d4df0585a7b8a52473d004d6177d94d9eb57"
        );
    }
}
