//! What must hold at the end of every schedule.

use std::time::{Duration, SystemTime};

use harness::{Message, World};
use serde_json::Value;

use crate::plan::{Act, Schedule, Wish};
use crate::run::{builder, image};
use crate::wire::{Effect, Log, START, wish_in};

/// How far the clocks of two workers may be apart from the world's.
const SKEW: Duration = Duration::from_secs(15);

/// Everything at the end of a schedule.
pub(crate) struct Ending<'a> {
    pub(crate) schedule: &'a Schedule,
    pub(crate) world: &'a World,
    pub(crate) log: &'a Log,
    /// The wishes that a person sent again, one entry for each time.
    pub(crate) redriven: &'a [String],
    /// Those of them whose outcome nobody knew: the person decided that there was none, and may
    /// have been wrong.
    pub(crate) opened: &'a [String],
    pub(crate) is_settled: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) violations: Vec<String>,
    pub(crate) double_effects: u64,
    pub(crate) losses: u64,
}

impl Verdict {
    fn wrong(&mut self, sentence: String) {
        self.violations.push(sentence);
    }

    fn double(&mut self, sentence: String) {
        self.double_effects += 1;
        self.wrong(sentence);
    }

    fn lost(&mut self, sentence: String) {
        self.losses += 1;
        self.wrong(sentence);
    }
}

/// The moment at which every world begins.
pub(crate) fn beginning() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(START)
}

impl Ending<'_> {
    pub(crate) fn check(&self) -> Verdict {
        let mut verdict = Verdict::default();
        if !self.is_settled {
            verdict.lost("it does not settle: events come again without end".to_owned());
        }
        for queue in [self.world.queue(), self.world.other_queue(), self.world.fifo_queue()] {
            let left = queue.messages().len();
            if left > 0 && self.is_settled {
                verdict.lost(format!("{left} messages are left in {}", queue.url()));
            }
        }
        for line in &self.log.undone {
            verdict.wrong(format!("an end was undone: {line}"));
        }
        for (place, wish) in self.schedule.wishes.iter().enumerate() {
            self.check_wish(&format!("wish-{place}"), wish, &mut verdict);
        }
        verdict
    }

    /// The ledger without what is random in it: each wish with its status and reason.
    pub(crate) fn ledger(&self) -> Vec<String> {
        let mut lines: Vec<_> = self
            .world
            .ledger_items()
            .iter()
            .map(|item| {
                let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
                let doubt = &item["doubtSince"];
                format!(
                    "{} {} {} attempts {} doubt {doubt} updated {}",
                    wish_of(item),
                    text("status"),
                    text("errorCode"),
                    item["attempts"],
                    text("updatedAt"),
                )
            })
            .collect();
        lines.sort();
        lines
    }

    fn check_wish(&self, name: &str, wish: &Wish, verdict: &mut Verdict) {
        let effects: Vec<_> =
            self.log.effects.iter().filter(|effect| effect.wish == name).collect();
        let again = self.redriven.iter().filter(|redriven| *redriven == name).count();
        // A person who sends a start without a token again decides for a second one.
        let most = if self.schedule.act == Act::Builder { 1 + again } else { 1 };
        if effects.len() > most {
            let count = effects.len();
            verdict
                .double(format!("{name} was carried out {count} times, expected {most} at most"));
        }
        self.check_time(name, wish, &effects, verdict);
        let items: Vec<_> =
            self.world.ledger_items().into_iter().filter(|item| wish_of(item) == name).collect();
        match (items.as_slice(), wish.is_invalid) {
            ([], true) => self.check_unclaimed(name, "InvalidIntent", &effects, verdict),
            ([], false) if self.has_rival(wish) => {
                self.check_unclaimed(name, "TokenMismatch", &effects, verdict);
            }
            ([], false) => verdict.lost(format!("{name} is not in the ledger")),
            ([item], false) => self.check_item(name, wish, item, &effects, verdict),
            ([_], true) => verdict.wrong(format!("{name} is invalid and in the ledger")),
            (_, _) => verdict.wrong(format!("{name} has {} items, expected one", items.len())),
        }
    }

    fn check_time(&self, name: &str, wish: &Wish, effects: &[&Effect], verdict: &mut Verdict) {
        let Some(after) = wish.not_after else { return };
        let flight = self.schedule.freezes.iter().map(|(_, time)| *time).sum::<Duration>();
        let latest = beginning() + after + SKEW + flight;
        if effects.iter().any(|effect| effect.at > latest) {
            verdict.wrong(format!("{name} was carried out after its notAfter"));
        }
    }

    fn has_rival(&self, wish: &Wish) -> bool {
        wish.is_rival || self.schedule.wishes.iter().any(|other| other.is_rival)
    }

    fn letters(&self, name: &str) -> Vec<Message> {
        let letters = self.world.dead_letters().messages();
        letters
            .into_iter()
            .filter(|letter| wish_in(&letter.body).as_deref() == Some(name))
            .collect()
    }

    fn has_letter(&self, name: &str, code: &str) -> bool {
        let has_code = |letter: &Message| {
            letter.attribute("errorCode") == Some(code)
                && letter.attribute("errorMessage").is_some_and(|message| !message.is_empty())
        };
        self.letters(name).iter().any(has_code)
    }

    /// A wish that was never to reach the ledger, and is reported.
    fn check_unclaimed(&self, name: &str, code: &str, effects: &[&Effect], verdict: &mut Verdict) {
        if !effects.is_empty() {
            verdict.wrong(format!("{name} was carried out, expected {code}"));
        }
        if !self.has_letter(name, code) {
            verdict.lost(format!("{name} has no dead letter with {code}"));
        }
    }

    fn check_item(
        &self,
        name: &str,
        wish: &Wish,
        item: &Value,
        effects: &[&Effect],
        verdict: &mut Verdict,
    ) {
        let code = item["errorCode"].as_str().unwrap_or_default();
        match item["status"].as_str().unwrap_or_default() {
            "STARTED" => self.check_started(name, wish, item, effects, verdict),
            "SKIPPED" if wish.skips && effects.is_empty() => {}
            "SKIPPED" => {
                verdict.wrong(format!(
                    "{name} is SKIPPED and was carried out {} times",
                    effects.len()
                ));
            }
            "REJECTED" => {
                if !self.has_letter(name, code) {
                    verdict.lost(format!("{name} is REJECTED ({code}) and has no dead letter"));
                }
                let is_told = code == "OutcomeUnknown" || self.opened.iter().any(|one| one == name);
                if !is_told && !effects.is_empty() {
                    verdict.wrong(format!(
                        "{name} is REJECTED ({code}: {}), and was carried out",
                        item["errorMessage"].as_str().unwrap_or_default()
                    ));
                }
                let may_expire =
                    wish.not_after.is_some() && ["Expired", "OutcomeUnknown"].contains(&code);
                let may_be_unknown = self.schedule.act == Act::Builder && code == "OutcomeUnknown";
                if !may_expire && !may_be_unknown {
                    let message = &item["errorMessage"];
                    verdict.lost(format!("{name} is REJECTED without need: {code} {message}"));
                }
            }
            other => verdict.lost(format!("{name} is left {other}")),
        }
    }

    fn check_started(
        &self,
        name: &str,
        wish: &Wish,
        item: &Value,
        effects: &[&Effect],
        verdict: &mut Verdict,
    ) {
        let others = || {
            let is_other = |(place, other): (usize, &Wish)| {
                other.target == wish.target
                    && self.log.effects.iter().any(|effect| effect.wish == format!("wish-{place}"))
            };
            self.schedule.wishes.iter().enumerate().any(is_other)
        };
        let may_observe = matches!(self.schedule.act, Act::State | Act::Builder);
        if effects.is_empty() && !(may_observe && others()) {
            verdict.lost(format!("{name} is STARTED and was never carried out"));
        }
        let receipt: Value = item["receipt"]
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let (field, expected) = match self.schedule.act {
            Act::Pipeline => ("imageBuildVersionArn", self.image_of(name)),
            Act::Lifecycle => ("lifecycleExecutionId", self.execution_of(name)),
            Act::State => ("resourceArn", Some(image(wish.target))),
            Act::Builder => ("Name", Some(builder(wish.target))),
        };
        if expected.is_some_and(|expected| receipt[field] != *expected) {
            verdict
                .wrong(format!("{name} has the receipt {receipt}, which is not its effect's own"));
        }
    }

    /// The one image that was built for the wish.
    fn image_of(&self, name: &str) -> Option<String> {
        let images = self.world.image_builder().summary()["images"].take();
        let images = images.as_array().cloned().unwrap_or_default();
        let image = images.iter().find(|image| image["tags"]["wish"] == name)?;
        image["arn"].as_str().map(str::to_owned)
    }

    /// The lifecycle execution of the wish, where the image still tells it: it tells the last.
    fn execution_of(&self, name: &str) -> Option<String> {
        let images = self.world.image_builder().summary()["images"].take();
        let images = images.as_array().cloned().unwrap_or_default();
        let image = images.iter().find(|image| image["executionRole"] == name)?;
        image["lifecycleExecutionId"].as_str().map(str::to_owned)
    }
}

/// The wish of an item: by its request, or, where that names none, by its token.
fn wish_of(item: &Value) -> String {
    let request = item["request"].as_str().unwrap_or_default();
    let token = item["token"].as_str().unwrap_or_default();
    wish_in(request).or_else(|| wish_in(token)).unwrap_or_default()
}
