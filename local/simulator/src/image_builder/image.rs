//! An image and the states that its build passes through.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::pipeline::PipelineArn;

/// One build of a pipeline. Its state follows from the time since it was created.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) arn: String,
    pub(super) pipeline: PipelineArn,
    /// The build number, counted per recipe.
    pub(super) number: usize,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) created: SystemTime,
    pub(super) build_time: Duration,
    /// The reason for which it ends as FAILED.
    pub(super) failure: Option<String>,
    /// Whether it was ended before its time.
    pub(super) ended: bool,
}

impl Image {
    pub(super) fn is_building(&self, now: SystemTime) -> bool {
        !matches!(self.status(now), "AVAILABLE" | "FAILED")
    }

    pub(super) fn status(&self, now: SystemTime) -> &'static str {
        let elapsed = now.duration_since(self.created).unwrap_or_default();
        if self.ended || elapsed >= self.build_time {
            return if self.failure.is_some() { "FAILED" } else { "AVAILABLE" };
        }
        match elapsed.as_millis() * 100 / self.build_time.as_millis().max(1) {
            0..5 => "PENDING",
            5..60 => "BUILDING",
            60..85 => "TESTING",
            _ => "DISTRIBUTING",
        }
    }

    pub(super) fn describe(&self, now: SystemTime) -> Value {
        json!({
            "arn": self.arn,
            "type": "AMI",
            "name": self.pipeline.name,
            "version": format!("1.0.0/{}", self.number),
            "platform": "Linux",
            "state": self.state(now),
            "sourcePipelineName": self.pipeline.name,
            "sourcePipelineArn": self.pipeline.text,
            "dateCreated": timestamp(self.created),
            "outputResources": {"amis": self.amis(now)},
            "tags": self.tags,
            "buildType": "USER_INITIATED",
        })
    }

    fn state(&self, now: SystemTime) -> Value {
        let status = self.status(now);
        let mut state = Map::from_iter([("status".to_owned(), json!(status))]);
        if let (Some(reason), "FAILED") = (&self.failure, status) {
            state.insert("reason".to_owned(), json!(reason));
        }
        Value::Object(state)
    }

    fn amis(&self, now: SystemTime) -> Value {
        if self.status(now) != "AVAILABLE" {
            return json!([]);
        }
        json!([{
            "region": self.pipeline.region,
            "image": format!("ami-{:017x}", self.number),
            "name": format!("{} {}", self.pipeline.name, timestamp(self.created)),
            "accountId": self.pipeline.account,
        }])
    }
}

/// A time as Image Builder writes it: RFC 3339 in milliseconds.
pub(super) fn timestamp(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}
