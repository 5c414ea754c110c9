//! `reveille list`

use harness::Fault;
use serde_json::json;

use crate::{Desk, desk, now};

async fn wishes(desk: &Desk, arguments: &[&str]) -> Vec<String> {
    let done = desk.run(&[&["list", "--json"], arguments].concat()).await;
    let token = |line: &serde_json::Value| line["token"].as_str().unwrap().to_owned();
    let lines = done.ended(0).lines();
    lines.iter().map(|line| token(line).split_once('#').unwrap().1.to_owned()).collect()
}

#[tokio::test]
async fn those_that_changed_last_come_first_and_the_limit_cuts_the_oldest() {
    let desk = desk().await;
    desk.put("a", &json!({"updatedAt": "2026-11-20T01:00:05Z"}));
    desk.put("b", &json!({"updatedAt": "2026-11-20T01:00:05.195Z"}));
    desk.put("c", &json!({"updatedAt": "2026-11-20T01:00:04Z"}));
    assert_eq!(wishes(&desk, &[]).await, ["b", "a", "c"]);
    let done = desk.run(&["list", "--limit", "2"]).await;
    done.ended(0).says("1 older ones are left out");
    assert!(!done.out.contains("#c"), "{}", done.out);
}

#[tokio::test]
async fn each_filter_leaves_out_what_does_not_match() {
    let desk = desk().await;
    desk.put("a", &json!({"status": "STARTED", "target": "golden-linux"}));
    desk.put("b", &json!({"status": "REJECTED", "target": "golden-web"}));
    desk.put("c", &json!({"operation": "StartImageBuilder", "target": "golden-builder"}));
    assert_eq!(wishes(&desk, &["--status", "started"]).await, ["a"]);
    assert_eq!(wishes(&desk, &["--status", "STARTED,REJECTED"]).await, ["a", "b"]);
    assert_eq!(wishes(&desk, &["--target", "linux"]).await, ["a"]);
    assert_eq!(wishes(&desk, &["--operation", "start-image-builder"]).await, ["c"]);
    let both = ["--operation", "StartImagePipelineExecution", "--target", "golden"];
    assert_eq!(wishes(&desk, &both).await, ["a", "b"]);
}

#[tokio::test]
async fn since_is_exact_within_a_second() {
    let desk = desk().await;
    desk.put("whole", &json!({"updatedAt": "2026-11-20T01:00:05Z"}));
    desk.put("later", &json!({"updatedAt": "2026-11-20T01:00:05.195Z"}));
    desk.put("now", &json!({"updatedAt": now().to_string()}));
    assert_eq!(wishes(&desk, &["--since", "2026-11-20T01:00:05.1Z"]).await, ["now", "later"]);
    assert_eq!(
        wishes(&desk, &["--since", "2026-11-20T01:00:05Z"]).await,
        ["now", "later", "whole"]
    );
    assert_eq!(wishes(&desk, &["--since", "10m"]).await, ["now"]);
}

#[tokio::test]
async fn a_wish_that_has_expired_is_not_listed() {
    let desk = desk().await;
    let key = desk.put("old", &json!({}));
    desk.world.expire_ledger_item(&key);
    desk.run(&["list"]).await.ended(1).says("found no such wish in the table `ledger`");
}

#[tokio::test]
async fn the_table_is_read_in_segments_and_to_its_end() {
    let desk = desk().await;
    // More than DynamoDB gives in one page, which is 1 MB.
    for place in 0..150 {
        desk.put(&format!("t{place}"), &json!({"request": "x".repeat(40_000)}));
    }
    let done = desk.run(&["list", "--json", "--limit", "1000"]).await;
    assert_eq!(done.ended(0).lines().len(), 150);
    let scans = desk.world.dynamodb().requests();
    let scans: Vec<_> = scans.iter().filter(|scan| scan.operation == "Scan").collect();
    assert!(scans.len() > 4, "{} scans", scans.len());
    assert!(scans.iter().all(|scan| scan.body["TotalSegments"] == 4));
    assert!(scans.iter().all(|scan| scan.body["FilterExpression"].is_string()));
}

#[tokio::test]
async fn what_a_person_reads_is_asked_for_by_name() {
    let desk = desk().await;
    desk.put("a", &json!({"errorCode": "Throttling", "errorMessage": "slow\u{1b}[2J"}));
    let done = desk.run(&["list"]).await;
    done.ended(0).says("REASON").says("Throttling").says("DEFERRED").says("golden-linux");
    assert!(!done.out.contains('\u{1b}'), "no colours, for this is no terminal: {}", done.out);
    let scans = desk.world.dynamodb().requests();
    let scan = scans.iter().find(|scan| scan.operation == "Scan").unwrap();
    assert!(scan.body["ProjectionExpression"].is_string());
}

#[tokio::test]
async fn a_table_that_is_not_there_ends_with_3() {
    let desk = desk().await;
    let done = desk.run(&["list", "--table", "elsewhere"]).await;
    done.ended(3).says("the table `elsewhere` could not be read: ResourceNotFoundException");
    done.says("look at --region");
}

#[tokio::test]
async fn credentials_that_may_not_read_end_with_3() {
    let desk = desk().await;
    desk.world.dynamodb().fault("Scan", Fault::error("AccessDeniedException", 400).forever());
    let done = desk.run(&["list"]).await;
    done.ended(3).says("AccessDeniedException").says("expected credentials that may do this");
}

#[tokio::test]
async fn a_refused_connection_ends_with_3() {
    let desk = desk().await;
    desk.world.break_ledger().await;
    let done = desk.run(&["list"]).await;
    done.ended(3).says("ConnectionFailed").says("look at the network");
}
