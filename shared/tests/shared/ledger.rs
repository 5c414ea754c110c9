//! The ledger's two writes, on a real DynamoDB engine.

use std::time::Duration;

use harness::{Fault, World};
use serde_json::json;
use shared::clock::{Clock, Timestamp};
use shared::failure::Reason;
use shared::ledger::{Claim, Claimant, Lease, Ledger, Settled, Settlement, Status};
use shared::{Environment, Failure, sdk};

const KEY: &str = "Op#t";
const MINUTE: Duration = Duration::from_mins(1);

struct Desk {
    world: World,
    ledger: Ledger,
    clock: Clock,
}

async fn desk() -> Desk {
    let world = World::start().await;
    let clock = Clock::of(&world.sdk_config());
    Desk { ledger: ledger(&world, world.clock.clone()), clock, world }
}

/// The ledger as a worker with this clock sees it.
fn ledger(world: &World, clock: harness::Clock) -> Ledger {
    let variables = world.environment();
    let environment = Environment::read(|variable| variables.get(variable).cloned()).unwrap();
    Ledger::new(&sdk::bounded(&world.sdk_config_by(clock)), &environment, "Op")
}

fn claimant(fingerprint: &str) -> Claimant<'_> {
    Claimant {
        token: "t",
        target: "target",
        fingerprint,
        source: "s",
        request: "{}",
        is_redelivery: false,
    }
}

impl Desk {
    async fn claim(&self, fingerprint: &str, source: &str) -> Claim {
        self.try_claim(fingerprint, source).await.unwrap()
    }

    async fn try_claim(&self, fingerprint: &str, source: &str) -> Result<Claim, Failure> {
        let claimant = Claimant { source, ..claimant(fingerprint) };
        self.ledger.claim(&[claimant], self.clock.now() + MINUTE).await.remove(0)
    }

    async fn won(&self) -> Lease {
        match self.claim("f", "s").await {
            Claim::Won(lease) => lease,
            other => panic!("expected a lease, found {other:?}"),
        }
    }

    async fn settle(&self, lease: &Lease, status: Status) -> Settled {
        self.ledger.settle(&[settlement(lease, status)]).await.remove(0).unwrap()
    }

    fn status(&self) -> String {
        self.world.ledger_item(KEY).unwrap()["status"].as_str().unwrap().to_owned()
    }
}

fn settlement(lease: &Lease, status: Status) -> Settlement {
    Settlement {
        lease: lease.clone(),
        status,
        attempts: lease.attempts,
        doubt_since: None,
        receipt: None,
        reason: None,
    }
}

#[tokio::test]
async fn a_first_claim_is_won_without_a_doubt() {
    let desk = desk().await;
    let lease = desk.won().await;
    assert_eq!((lease.attempts, lease.doubt_since), (0, None));
    assert_eq!(lease.created_at, desk.clock.now());
}

#[tokio::test]
async fn a_claimed_wish_is_leased_until_its_lease_ends() {
    let desk = desk().await;
    desk.won().await;
    let until = desk.clock.now() + MINUTE;
    assert_eq!(desk.claim("f", "s").await, Claim::Leased(until));
    desk.world.clock.advance(MINUTE);
    assert_eq!(desk.claim("f", "s").await, Claim::Leased(until), "not in its last moment");
}

#[tokio::test]
async fn a_claim_over_a_dead_worker_is_in_doubt_since_the_dead_ones_claim() {
    let desk = desk().await;
    let first = desk.clock.now();
    desk.won().await;
    for _ in 0..2 {
        desk.world.clock.advance(2 * MINUTE);
        assert_eq!(desk.won().await.doubt_since, Some(first), "the earliest one counts");
    }
}

#[tokio::test]
async fn a_doubt_ends_when_an_attempt_is_known_to_have_done_nothing() {
    let desk = desk().await;
    let lease = desk.won().await;
    desk.settle(&lease, Status::Deferred).await;
    assert_eq!(desk.won().await.doubt_since, None);
}

#[tokio::test]
async fn a_doubt_that_is_settled_is_kept() {
    let desk = desk().await;
    let lease = desk.won().await;
    let since = Timestamp::from_epoch_millis(7);
    let doubtful = Settlement { doubt_since: Some(since), ..settlement(&lease, Status::Deferred) };
    desk.ledger.settle(&[doubtful]).await.remove(0).unwrap();
    assert_eq!(desk.won().await.doubt_since, Some(since));
}

#[tokio::test]
async fn another_request_under_the_same_token_is_a_mismatch_in_every_state() {
    let desk = desk().await;
    let lease = desk.won().await;
    assert!(matches!(desk.claim("other", "s").await, Claim::Mismatch(_)));
    let claimed = desk.world.ledger_item(KEY).unwrap();
    for status in [Status::Deferred, Status::Rejected, Status::Skipped] {
        desk.world.put_ledger_item(&claimed);
        assert_eq!(desk.settle(&lease, status).await, Settled::Written);
        assert!(matches!(desk.claim("other", "s").await, Claim::Mismatch(_)), "{status:?}");
    }
}

#[tokio::test]
async fn a_wish_called_off_before_it_arrived_stands_for_any_request() {
    let desk = desk().await;
    desk.won().await;
    let mut item = desk.world.ledger_item(KEY).unwrap();
    let day = Duration::from_hours(24);
    item["status"] = json!("CANCELLED");
    item["claimableFrom"] = json!((desk.clock.now() + 30 * day).epoch_millis());
    item.as_object_mut().unwrap().remove("fingerprint");
    desk.world.put_ledger_item(&item);
    for fingerprint in ["f", "other"] {
        let claim = desk.claim(fingerprint, "s").await;
        let cancelled = Some(Status::Cancelled);
        assert!(matches!(&claim, Claim::Done(item) if item.status == cancelled), "{claim:?}");
    }
    assert_eq!(desk.world.ledger_item(KEY).unwrap(), item, "nothing was written");
}

/// Its request to take the wish waits long enough for another to come first.
#[tokio::test]
async fn a_claim_takes_only_the_item_that_it_has_read() {
    let desk = desk().await;
    let lease = desk.won().await;
    desk.settle(&lease, Status::Deferred).await;
    let read = Fault::pass();
    desk.world.dynamodb().fault("BatchExecuteStatement", read);
    let late = Fault::error("InternalServerError", 500);
    desk.world.dynamodb().fault("BatchExecuteStatement", late);
    let begun = desk.world.dynamodb().count("BatchExecuteStatement");
    let redelivery = [Claimant { is_redelivery: true, ..claimant("f") }];
    let claim = desk.ledger.claim(&redelivery, desk.clock.now() + MINUTE);
    let mut others = desk.world.ledger_item(KEY).unwrap();
    others["status"] = json!("CLAIMED");
    others["owner"] = json!("another");
    others["claimableFrom"] = json!((desk.clock.now() + MINUTE).epoch_millis());
    let other = async {
        while desk.world.dynamodb().count("BatchExecuteStatement") < begun + 2 {
            tokio::task::yield_now().await;
        }
        desk.world.put_ledger_item(&others);
    };
    let (mut claims, ()) = tokio::join!(claim, other);
    assert_eq!(claims.remove(0).unwrap(), Claim::Leased(desk.clock.now() + MINUTE));
    assert_eq!(desk.world.ledger_item(KEY).unwrap(), others);
}

#[tokio::test]
async fn a_claim_over_a_rejection_begins_again_even_if_its_worker_dies() {
    let desk = desk().await;
    let lease = desk.won().await;
    let rejected = Settlement { attempts: 7, ..settlement(&lease, Status::Rejected) };
    desk.ledger.settle(&[rejected]).await.remove(0).unwrap();
    desk.world.clock.advance(MINUTE);
    let again = desk.clock.now();
    assert!(matches!(desk.claim("f", "another source").await, Claim::Won(_)));
    let item = desk.world.ledger_item(KEY).unwrap();
    assert_eq!((&item["attempts"], &item["createdAt"]), (&json!(0), &json!(again.to_string())));
}

#[tokio::test]
async fn a_final_wish_is_done_until_it_expires() {
    for status in [Status::Started, Status::Skipped, Status::Cancelled] {
        let desk = desk().await;
        let lease = desk.won().await;
        desk.settle(&lease, status).await;
        desk.world.clock.advance(Duration::from_hours(29 * 24));
        let done = desk.claim("f", "other source").await;
        assert!(matches!(&done, Claim::Done(item) if item.status == Some(status)), "{done:?}");
        desk.world.clock.advance(Duration::from_hours(24) + MINUTE);
        assert_eq!(desk.won().await.attempts, 0);
    }
}

#[tokio::test]
async fn a_rejection_is_remembered_for_its_source_only() {
    let desk = desk().await;
    let lease = desk.won().await;
    let reason = Reason::new("Code", "a sentence");
    let rejected = Settlement {
        attempts: 7,
        reason: Some(reason.clone()),
        ..settlement(&lease, Status::Rejected)
    };
    desk.ledger.settle(&[rejected]).await.remove(0).unwrap();
    assert_eq!(desk.claim("f", "s").await, Claim::Rejected(reason));
    let again = desk.claim("f", "another source").await;
    assert!(matches!(&again, Claim::Won(lease) if lease.attempts == 0), "{again:?}");
}

#[tokio::test]
async fn only_the_owner_settles() {
    let desk = desk().await;
    let late = desk.won().await;
    desk.world.clock.advance(2 * MINUTE);
    let owner = desk.won().await;
    let refused = desk.settle(&late, Status::Rejected).await;
    assert!(matches!(&refused, Settled::Refused(item) if item.status == Some(Status::Claimed)));
    assert_eq!(desk.status(), "CLAIMED");
    assert_eq!(desk.settle(&owner, Status::Started).await, Settled::Written);
    assert!(matches!(desk.settle(&late, Status::Deferred).await, Settled::Refused(_)));
    assert_eq!(desk.status(), "STARTED");
}

#[tokio::test]
async fn a_started_wish_is_never_undone_by_its_own_owner() {
    let desk = desk().await;
    let lease = desk.won().await;
    desk.settle(&lease, Status::Started).await;
    let refused = desk.settle(&lease, Status::Deferred).await;
    assert!(matches!(&refused, Settled::Refused(item) if item.status == Some(Status::Started)));
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_our_own_and_not_in_doubt() {
    let desk = desk().await;
    desk.world.dynamodb().fault("BatchExecuteStatement", Fault::drop().after_work());
    let lease = desk.won().await;
    assert_eq!(lease.doubt_since, None);
    // The insertion, its repeat that meets an item, and a look at that.
    assert_eq!(desk.world.dynamodb().count("BatchExecuteStatement"), 3);
}

#[tokio::test]
async fn a_claim_over_a_dead_worker_is_in_doubt_even_if_its_answer_was_lost() {
    let desk = desk().await;
    let first = desk.clock.now();
    desk.won().await;
    desk.world.clock.advance(2 * MINUTE);
    desk.world.dynamodb().fault("BatchExecuteStatement", Fault::drop().after_work());
    assert_eq!(desk.won().await.doubt_since, Some(first));
}

#[tokio::test]
async fn a_settlement_whose_answer_was_lost_is_written() {
    let desk = desk().await;
    let lease = desk.won().await;
    desk.world.dynamodb().fault("BatchExecuteStatement", Fault::drop().after_work());
    assert_eq!(desk.settle(&lease, Status::Started).await, Settled::Written);
    assert_eq!(desk.world.dynamodb().count("BatchExecuteStatement"), 3);
}

#[tokio::test]
async fn a_claim_that_may_not_have_been_written_is_a_failure() {
    let desk = desk().await;
    desk.world.break_ledger().await;
    assert!(desk.try_claim("f", "s").await.is_err());
    desk.world.heal_ledger().await;
    desk.world
        .dynamodb()
        .fault("BatchExecuteStatement", Fault::error("ResourceNotFoundException", 400));
    let failure = desk.try_claim("f", "s").await.unwrap_err();
    assert_eq!(failure.reason.code, "ResourceNotFoundException");
}

#[tokio::test]
async fn an_item_that_is_none_of_ours_is_not_taken_for_done() {
    let desk = desk().await;
    let far = desk.world.clock.epoch_millis() + 1_000_000;
    desk.world.put_ledger_item(&json!({
        "token": KEY, "status": "WONDERFUL", "fingerprint": "f", "claimableFrom": far
    }));
    let failure = desk.try_claim("f", "s").await.unwrap_err();
    assert_eq!(failure.reason.code, Reason::LEDGER_UNAVAILABLE);
}

/// Two could take it, each on the condition of nothing.
#[tokio::test]
async fn an_item_without_owner_or_status_is_taken_by_nobody() {
    for missing in ["owner", "status"] {
        let desk = desk().await;
        let lease = desk.won().await;
        desk.settle(&lease, Status::Deferred).await;
        let mut item = desk.world.ledger_item(KEY).unwrap();
        item.as_object_mut().unwrap().remove(missing);
        desk.world.put_ledger_item(&item);
        let failure = desk.try_claim("f", "s").await.unwrap_err();
        assert!(failure.reason.message.contains("an item that no claim can be decided by"));
        assert_eq!(desk.world.ledger_item(KEY).unwrap(), item);
    }
}

#[tokio::test]
async fn claims_and_settlements_of_a_batch_succeed_and_fail_one_by_one() {
    let desk = desk().await;
    desk.won().await;
    let claimants = ["t", "u"].map(|token| Claimant { token, ..claimant("f") });
    let claims = desk.ledger.claim(&claimants, desk.clock.now() + MINUTE).await;
    assert!(matches!(claims[0], Ok(Claim::Leased(_))));
    assert!(matches!(claims[1], Ok(Claim::Won(_))));
}

#[tokio::test]
async fn a_large_batch_is_claimed_and_settled_by_one_request_for_each_25() {
    let desk = desk().await;
    let tokens: Vec<_> = (0..75).map(|n| n.to_string()).collect();
    let claimants: Vec<_> =
        tokens.iter().map(|token| Claimant { token, ..claimant("f") }).collect();
    let claims = desk.ledger.claim(&claimants, desk.clock.now() + MINUTE).await;
    assert_eq!(desk.world.dynamodb().count("BatchExecuteStatement"), 3);
    let settlements: Vec<_> = claims
        .into_iter()
        .map(|claim| match claim.unwrap() {
            Claim::Won(lease) => settlement(&lease, Status::Started),
            other => panic!("expected a lease, found {other:?}"),
        })
        .collect();
    let settled = desk.ledger.settle(&settlements).await;
    assert!(settled.into_iter().all(|settled| settled.unwrap() == Settled::Written));
    assert_eq!(desk.world.dynamodb().count("BatchExecuteStatement"), 6);
    assert!(desk.world.ledger_items().iter().all(|item| item["status"] == "STARTED"));
    assert_eq!(desk.world.ledger_items().len(), 75);
}

#[tokio::test]
async fn a_redelivery_and_a_first_delivery_of_one_batch_are_each_answered_in_their_place() {
    let desk = desk().await;
    let lease = desk.won().await;
    desk.settle(&lease, Status::Started).await;
    let batch = [("u", false), ("t", true), ("v", true), ("w", false)];
    let claimants =
        batch.map(|(token, is_redelivery)| Claimant { token, is_redelivery, ..claimant("f") });
    let claims = desk.ledger.claim(&claimants, desk.clock.now() + MINUTE).await;
    let won: Vec<_> = claims.iter().map(|claim| matches!(claim, Ok(Claim::Won(_)))).collect();
    assert_eq!(won, [true, false, true, true]);
    assert!(matches!(claims[1], Ok(Claim::Done(_))));
}

/// A world without sockets, where waiting takes no time.
fn still_desk() -> Desk {
    let world = World::in_process();
    let clock = Clock::of(&world.sdk_config());
    Desk { ledger: ledger(&world, world.clock.clone()), clock, world }
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_is_throttled_by_itself_is_repeated_by_itself() {
    for code in ["ThrottlingError", "ProvisionedThroughputExceeded", "InternalServerError"] {
        let desk = still_desk();
        for _ in 0..3 {
            desk.world.refuse_statement(KEY, code);
        }
        let claimants = ["t", "u"].map(|token| Claimant { token, ..claimant("f") });
        let claims = desk.ledger.claim(&claimants, desk.clock.now() + MINUTE).await;
        assert!(claims.iter().all(|claim| matches!(claim, Ok(Claim::Won(_)))), "{claims:?}");
        let sent = desk.world.dynamodb().requests();
        let statements: Vec<_> = sent
            .iter()
            .map(|request| request.body["Statements"].as_array().unwrap().len())
            .collect();
        assert_eq!(statements, [2, 1, 1, 1], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_is_throttled_without_end_is_given_up() {
    let desk = still_desk();
    for _ in 0..100 {
        desk.world.refuse_statement(KEY, "ThrottlingError");
    }
    let begun = desk.clock.now();
    let failure = desk.try_claim("f", "s").await.unwrap_err();
    assert_eq!(failure.reason.code, "ThrottlingError");
    assert!(desk.clock.now().since(begun) < Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_cannot_succeed_is_not_repeated() {
    for code in ["ValidationError", "AccessDenied", "ResourceNotFound"] {
        let desk = still_desk();
        desk.world.refuse_statement(KEY, code);
        let failure = desk.try_claim("f", "s").await.unwrap_err();
        assert_eq!(failure.reason.code, code);
        assert_eq!(desk.world.dynamodb().count("BatchExecuteStatement"), 1);
        assert!(desk.world.ledger_items().is_empty());
    }
}
