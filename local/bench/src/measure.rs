//! What is measured, in the order in which it is.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::cloud::{AWAY, Cloud, Wire};
use crate::contestant::{Contestant, Process, Programs};
use crate::event::{BATCH, batch};
use crate::sample::Sample;
use crate::store::{IDEMPOTENCY, LEDGER};

/// Batches that a process gets before its warm ones.
const WARMING: usize = 5;
/// How many wishes of the long run are a lap.
pub(crate) const LAP: u64 = 10_000;
/// After how many wishes the long run gets a new Image Builder.
const RENEWAL: u64 = 1_000;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Rounds, each of which starts every contestant anew.
    pub(crate) rounds: usize,
    /// Warm batches of each contestant in each round.
    pub(crate) batches: usize,
    /// Wishes of the long run.
    pub(crate) wishes: u64,
}

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) rival: Of,
    pub(crate) bare: Of,
    pub(crate) ours: Of,
    pub(crate) laps: Vec<Lap>,
    /// The most memory of the long run's process, in bytes.
    pub(crate) long_peak: u64,
}

/// What was measured of one contestant. Times are in milliseconds, memory is in bytes.
#[derive(Debug, Default)]
pub(crate) struct Of {
    pub(crate) counts: Counts,
    pub(crate) first_poll: Sample,
    pub(crate) first_answer: Sample,
    pub(crate) first_effect: Sample,
    pub(crate) warm: Sample,
    pub(crate) warm_away: Sample,
    /// What of it store and simulator worked.
    pub(crate) away_services: Sample,
    pub(crate) duplicates: Sample,
    pub(crate) memory: Sample,
    /// Processor time up to the first answer.
    pub(crate) first_work: Sample,
    /// Processor time of a warm batch, by the mean of a round.
    pub(crate) warm_work: Sample,
}

/// What was counted of one contestant.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Requests to DynamoDB for ten new wishes.
    pub(crate) new: usize,
    /// The same for the same ten messages again.
    pub(crate) redelivered: usize,
    /// The same for ten other messages with the same wishes.
    pub(crate) sent_again: usize,
    /// Calls to Image Builder for ten new wishes.
    pub(crate) calls: usize,
    /// Write units for one new wish.
    pub(crate) units: f64,
    /// The size of the largest item in bytes.
    pub(crate) largest_item: usize,
}

/// A lap of the long run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lap {
    pub(crate) time: Duration,
    /// What of it store and simulator worked.
    pub(crate) busy: Duration,
    /// The memory resident after it, in bytes.
    pub(crate) memory: u64,
}

/// The measuring.
pub(crate) struct Bench {
    cloud: Cloud,
    programs: Programs,
    plan: Plan,
    /// Every wish has a number of its own.
    next_wish: u64,
    figures: Figures,
}

impl Figures {
    pub(crate) fn of(&self, contestant: Contestant) -> &Of {
        match contestant {
            Contestant::Rival => &self.rival,
            Contestant::Bare => &self.bare,
            Contestant::Ours => &self.ours,
        }
    }

    fn of_mut(&mut self, contestant: Contestant) -> &mut Of {
        match contestant {
            Contestant::Rival => &mut self.rival,
            Contestant::Bare => &mut self.bare,
            Contestant::Ours => &mut self.ours,
        }
    }
}

impl Bench {
    pub(crate) fn new(cloud: Cloud, programs: Programs, plan: Plan) -> Self {
        Self { cloud, programs, plan, next_wish: 0, figures: Figures::default() }
    }

    /// Measures everything.
    pub(crate) async fn run(mut self) -> Outcome<Figures> {
        for contestant in [Contestant::Rival, Contestant::Ours] {
            println!("requests of {contestant}");
            self.figures.of_mut(contestant).counts = self.count(contestant).await?;
        }
        for round in 0..self.plan.rounds {
            let mut order = [Contestant::Rival, Contestant::Bare, Contestant::Ours];
            // Nobody is always first.
            order.rotate_left(round % 3);
            for contestant in order {
                println!("round {} of {}: {contestant}", round + 1, self.plan.rounds);
                self.play(contestant).await?;
                self.play_over_tls(contestant).await?;
            }
        }
        self.run_long().await?;
        Ok(self.figures)
    }

    /// Counts what crosses the wire; no time is taken.
    async fn count(&mut self, contestant: Contestant) -> Outcome<Counts> {
        let mut process = self.start(contestant, Wire::Plain).await?;
        let wishes = self.wishes(BATCH);
        let mut counts = Counts::default();
        self.cloud.store.start_meter();
        self.cloud.take_traffic();
        process.invoke(&batch(wishes.clone(), 0, 1)).await?;
        let crossed = self.cloud.take_traffic();
        counts.units = self.cloud.store.stop_meter() / f64_of(BATCH);
        counts.new = crossed.dynamodb.total();
        counts.calls = crossed.image_builder.of("StartImagePipelineExecution");
        process.invoke(&batch(wishes.clone(), 0, 2)).await?;
        counts.redelivered = self.cloud.take_traffic().dynamodb.total();
        process.invoke(&batch(wishes, 1, 1)).await?;
        let crossed = self.cloud.take_traffic();
        counts.sent_again = crossed.dynamodb.total();
        if crossed.image_builder.total() + crossed.sqs.total() > 0 {
            return Err(format!("{contestant} asked more than DynamoDB for duplicates").into());
        }
        let table = if contestant == Contestant::Ours { LEDGER } else { IDEMPOTENCY };
        counts.largest_item = self.cloud.store.largest_item(table)?;
        self.expect_builds(contestant, BATCH)?;
        process.stop().await?;
        Ok(counts)
    }

    /// A process from its start to its end.
    async fn play(&mut self, contestant: Contestant) -> Outcome<()> {
        let mut process = self.start(contestant, Wire::Plain).await?;
        let first_poll = process.first_poll().await?;
        let first = process.invoke(&batch(self.wishes(1), 0, 1)).await?;
        let first_answer = first.answered.duration_since(process.started);
        let first_work = process.processor_time()?;
        for _ in 0..WARMING {
            process.invoke(&batch(self.wishes(BATCH), 0, 1)).await?;
        }
        let (mut warm, mut away, mut duplicates) = (Vec::new(), Vec::new(), Vec::new());
        let before = process.processor_time()?;
        for _ in 0..self.plan.batches {
            warm.push(self.new_batch(&mut process).await?);
        }
        let work = process.processor_time()?.saturating_sub(before);
        let known = self.next_wish - BATCH..self.next_wish;
        for receipt in 0..self.plan.batches.div_ceil(3) {
            let receipt = u8::try_from(receipt + 2)?;
            duplicates.push(time(&mut process, &batch(known.clone(), 0, receipt)).await?);
        }
        self.cloud.set_distance(AWAY);
        self.cloud.take_traffic();
        let mut services = Vec::new();
        for _ in 0..self.plan.batches.div_ceil(6) {
            away.push(self.new_batch(&mut process).await?);
            services.push(millis(self.cloud.take_traffic().busy()));
        }
        self.cloud.set_distance(Duration::ZERO);
        let batches = WARMING + warm.len() + away.len();
        self.expect_builds(contestant, 1 + BATCH * u64::try_from(batches)?)?;
        let of = self.figures.of_mut(contestant);
        of.first_poll.add(millis(first_poll));
        of.first_answer.add(millis(first_answer));
        of.first_work.add(millis(first_work));
        of.warm_work.add(millis(work) / f64_of(u64::try_from(warm.len())?));
        of.warm.extend(warm);
        of.warm_away.extend(away);
        of.away_services.extend(services);
        of.duplicates.extend(duplicates);
        of.memory.add(f64_of(process.peak_memory()?));
        process.stop().await
    }

    /// A process from its start to its first call of Image Builder, over TLS and from a distance.
    async fn play_over_tls(&mut self, contestant: Contestant) -> Outcome<()> {
        if contestant == Contestant::Bare {
            return Ok(());
        }
        self.cloud.set_distance(AWAY);
        let mut process = self.start(contestant, Wire::Secure).await?;
        self.cloud.take_traffic();
        process.invoke(&batch(self.wishes(1), 0, 1)).await?;
        let first = self.cloud.take_traffic().image_builder.first;
        let first = first.ok_or_else(|| format!("{contestant} called no Image Builder"))?;
        let of = self.figures.of_mut(contestant);
        of.first_effect.add(millis(first.duration_since(process.started)));
        self.cloud.set_distance(Duration::ZERO);
        process.stop().await
    }

    /// Many wishes through one process of ours.
    async fn run_long(&mut self) -> Outcome<()> {
        let mut process = self.start(Contestant::Ours, Wire::Plain).await?;
        process.first_poll().await?;
        self.cloud.take_traffic();
        for lap in 1..=self.plan.wishes / LAP {
            self.cloud.renew_store()?;
            let begun = Instant::now();
            for _ in 0..LAP / RENEWAL {
                self.cloud.renew_image_builder()?;
                for _ in 0..RENEWAL / BATCH {
                    process.invoke(&batch(self.wishes(BATCH), 0, 1)).await?;
                }
                self.expect_builds(Contestant::Ours, RENEWAL)?;
            }
            let (time, crossed) = (begun.elapsed(), self.cloud.take_traffic());
            let busy = crossed.busy();
            let memory = process.resident_memory()?;
            println!(
                "{} of {} wishes, the last {LAP} in {time:.1?}, {memory} bytes resident",
                lap * LAP,
                self.plan.wishes
            );
            self.figures.laps.push(Lap { time, busy, memory });
        }
        self.figures.long_peak = process.peak_memory()?;
        process.stop().await
    }

    async fn start(&self, contestant: Contestant, wire: Wire) -> Outcome<Process> {
        self.cloud.renew_image_builder()?;
        Process::start(contestant, &self.programs, &self.cloud, wire).await
    }

    async fn new_batch(&mut self, process: &mut Process) -> Outcome<f64> {
        time(process, &batch(self.wishes(BATCH), 0, 1)).await
    }

    /// The numbers of the next wishes.
    fn wishes(&mut self, count: u64) -> std::ops::Range<u64> {
        let first = self.next_wish;
        self.next_wish += count;
        first..self.next_wish
    }

    /// A figure is worth nothing where the work was not done.
    fn expect_builds(&self, contestant: Contestant, expected: u64) -> Outcome<()> {
        let found = self.cloud.builds();
        let expected = if contestant == Contestant::Bare { 0 } else { usize::try_from(expected)? };
        if found == expected {
            return Ok(());
        }
        Err(format!("{contestant} started {found} builds, expected {expected}").into())
    }
}

/// From handing over the event to having the answer.
async fn time(process: &mut Process, event: &serde_json::Value) -> Outcome<f64> {
    let done = process.invoke(event).await?;
    Ok(millis(done.answered.duration_since(done.handed)))
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Exact for anything that is counted here.
#[expect(clippy::cast_precision_loss, reason = "nothing here comes near 2^52")]
pub(crate) fn f64_of(count: u64) -> f64 {
    count as f64
}
