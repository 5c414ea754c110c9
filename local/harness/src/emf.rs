//! CloudWatch's embedded metric format, as its specification has it.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use serde_json::{Value, json};

use crate::must::must;

/// Everything about a line that CloudWatch would not take: what breaks the specification's schema,
/// and each reference that its root node does not answer.
#[must_use]
pub fn findings(line: &Value) -> Vec<String> {
    let validator = must("the schema is one", jsonschema::validator_for(&schema()));
    let broken = validator
        .iter_errors(line)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect::<Vec<_>>();
    if broken.is_empty() { unanswered(line) } else { broken }
}

/// The specification's own schema, but for titles and examples.
fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["_aws"],
        "properties": {"_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {"type": "array", "items": {
                    "type": "object",
                    "required": ["Namespace", "Dimensions", "Metrics"],
                    "properties": {
                        "Namespace": {"type": "string", "minLength": 1, "maxLength": 1024},
                        "Dimensions": {"type": "array", "minItems": 1, "items": {
                            "type": "array", "maxItems": 30, "items": {
                                "type": "string", "minLength": 1, "maxLength": 250
                            }
                        }},
                        "Metrics": {"type": "array", "maxItems": 100, "items": {
                            "type": "object",
                            "required": ["Name"],
                            "properties": {
                                "Name": {"type": "string", "minLength": 1, "maxLength": 1024},
                                "Unit": {"enum": UNITS},
                                "StorageResolution": {"enum": [1, 60]}
                            }
                        }}
                    }
                }}
            }
        }}
    })
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>
const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// A dimension refers to a text of the root node, and a metric to a number or to a list of at most
/// a hundred.
fn unanswered(line: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let directives = list(&line["_aws"]["CloudWatchMetrics"]);
    let dimensions = directives.iter().flat_map(|directive| list(&directive["Dimensions"]));
    let dimensions =
        dimensions.flat_map(|set| list(&set)).filter(|name| !target(line, name).is_string());
    let metrics = directives.iter().flat_map(|directive| list(&directive["Metrics"]));
    let metrics =
        metrics.map(|metric| metric["Name"].clone()).filter(|name| !is_values(target(line, name)));
    dimensions
        .map(|name| format!("dimension {name} is {}, expected a text", target(line, &name)))
        .chain(metrics.map(|name| {
            format!("metric {name} is {}, expected 1 to 100 numbers", target(line, &name))
        }))
        .collect()
}

fn target<'a>(line: &'a Value, name: &Value) -> &'a Value {
    &line[name.as_str().unwrap_or_default()]
}

fn is_values(value: &Value) -> bool {
    let list =
        |list: &Vec<Value>| (1..=100).contains(&list.len()) && list.iter().all(Value::is_number);
    value.is_number() || value.as_array().is_some_and(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Value {
        json!({
            "_aws": {"Timestamp": 1, "CloudWatchMetrics": [{
                "Namespace": "N", "Dimensions": [["operation"]],
                "Metrics": [{"Name": "Started", "Unit": "Count"}]
            }]},
            "operation": "Op", "Started": 1
        })
    }

    #[test]
    fn what_keeps_the_specification_has_no_findings() {
        assert_eq!(findings(&line()), Vec::<String>::new());
    }

    #[test]
    fn what_breaks_it_is_found() {
        let directive = "/_aws/CloudWatchMetrics/0";
        for (pointer, broken) in [
            ("/_aws/Timestamp".to_owned(), json!("now")),
            (format!("{directive}/Namespace"), json!("")),
            (format!("{directive}/Dimensions"), json!([])),
            (format!("{directive}/Dimensions/0/0"), json!("absent")),
            (format!("{directive}/Metrics/0/Unit"), json!("Wishes")),
            (format!("{directive}/Metrics/0/Name"), json!("Absent")),
            ("/Started".to_owned(), json!("1")),
            ("/Started".to_owned(), json!(vec![1; 101])),
            ("/operation".to_owned(), json!(1)),
        ] {
            let mut line = line();
            *line.pointer_mut(&pointer).unwrap() = broken.clone();
            assert_eq!(findings(&line).len(), 1, "{pointer} {broken}: {:?}", findings(&line));
        }
    }
}
