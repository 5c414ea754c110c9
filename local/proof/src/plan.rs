//! What a seed stands for: the wishes, who brings them, and what goes wrong.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// The operation whose function is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// `StartImagePipelineExecution`
    Pipeline,
    /// `StartResourceStateUpdate` with included AMIs: a lifecycle execution of its own each time.
    Lifecycle,
    /// `StartResourceStateUpdate` of the image alone, which is done at once.
    State,
    /// `StartImageBuilder`, which takes no token.
    Builder,
}

impl Act {
    /// Every operation.
    pub const ALL: [Self; 4] = [Self::Pipeline, Self::Lifecycle, Self::State, Self::Builder];
}

/// What brings the wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The function's own queue.
    Own,
    /// A standard queue of somebody else, with a visibility time-out of its own.
    Other,
    /// A FIFO queue; the wishes share a message group.
    Fifo,
    /// One asynchronous invocation with `intents`.
    Direct,
    /// The same from a schedule.
    Schedule,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 5] = [Self::Own, Self::Other, Self::Fifo, Self::Direct, Self::Schedule];

    /// Whether the wishes are messages of a queue.
    #[must_use]
    pub fn is_queue(self) -> bool {
        matches!(self, Self::Own | Self::Other | Self::Fifo)
    }
}

/// One wish.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
pub struct Wish {
    /// Which of the targets it is about.
    pub target: usize,
    /// Whether its sender gives it a token.
    pub has_token: bool,
    /// Whether it carries the token of the first wish by mistake.
    pub is_rival: bool,
    /// Whether it breaks a rule of the API.
    pub is_invalid: bool,
    /// `notAfter`, so long after the beginning.
    pub not_after: Option<Duration>,
    /// `whenBusy: skip`
    pub skips: bool,
    /// How many messages bring it.
    pub copies: usize,
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    /// The connection ends before the request has arrived.
    RequestLost,
    /// The connection ends after the work.
    AnswerLost,
    /// Nothing arrives, and nobody says so.
    RequestHangs,
    /// The work is done, and no answer ever comes.
    AnswerHangs,
    /// Refused with the service's own throttling.
    Throttled,
    /// Refused with a 500 or 503 that names itself.
    Unavailable,
    /// The same, after the work.
    UnavailableAfterWork,
    /// A gateway's page in place of the answer.
    BadGateway,
    /// The same, after the work.
    BadGatewayAfterWork,
    /// A 200 that is not what it says it is.
    Unreadable,
    /// An answer that ends in the middle.
    Truncated,
    /// The target is at work.
    Busy,
    /// A permission is missing.
    Denied,
    /// One statement of the request is throttled, and the others are carried out. Of a service that
    /// takes no statements, the whole request.
    StatementThrottled,
}

impl Slip {
    /// Every slip.
    pub const ALL: [Self; 14] = [
        Self::RequestLost,
        Self::AnswerLost,
        Self::RequestHangs,
        Self::AnswerHangs,
        Self::Throttled,
        Self::Unavailable,
        Self::UnavailableAfterWork,
        Self::BadGateway,
        Self::BadGatewayAfterWork,
        Self::Unreadable,
        Self::Truncated,
        Self::Busy,
        Self::Denied,
        Self::StatementThrottled,
    ];

    /// Whether the request never did its work, without an answer.
    #[must_use]
    pub fn is_request_lost(self) -> bool {
        matches!(self, Self::RequestLost | Self::RequestHangs | Self::BadGateway)
    }

    /// Whether the work was done and its answer never seen.
    #[must_use]
    pub fn is_answer_lost(self) -> bool {
        matches!(
            self,
            Self::AnswerLost
                | Self::AnswerHangs
                | Self::UnavailableAfterWork
                | Self::BadGatewayAfterWork
                | Self::Unreadable
                | Self::Truncated
        )
    }
}

/// Where in the run something happens: the invocation by its number, and the point within it, by
/// how often it has waited before. The last point is where it has ended and nobody has heard it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Which invocation, from zero.
    pub invocation: usize,
    /// After which wait of it, from zero.
    pub wait: usize,
}

/// A whole run, fixed.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Draws what is left to chance along the way: who goes next, how long SQS hides a message.
    pub seed: u64,
    /// The function.
    pub act: Act,
    /// What brings the wishes.
    pub source: Source,
    /// The wishes.
    pub wishes: Vec<Wish>,
    /// How many invocations run side by side, at most, each on its own clock.
    pub workers: usize,
    /// How far each worker's clock is from the world's, in milliseconds.
    pub skews: [i64; 3],
    /// The visibility time-out of the queue that brings the wishes.
    pub visibility: Duration,
    /// What happens to requests, by their number.
    pub slips: Vec<(usize, Slip)>,
    /// Where invocations die.
    pub crashes: Vec<Point>,
    /// Where invocations stand still, and for how long.
    pub freezes: Vec<(Point, Duration)>,
    /// Which deliveries are made again, and how long after.
    pub echoes: Vec<(usize, Duration)>,
    /// When a person stops what is running (`StartImageBuilder` only).
    pub stops: Vec<Duration>,
    /// How often the dead letters are sent again at the end.
    pub redrives: usize,
}

impl Schedule {
    /// One wish from one source, and nothing goes wrong.
    #[must_use]
    pub fn quiet(act: Act, source: Source) -> Self {
        let wish = Wish {
            target: 0,
            has_token: act == Act::State,
            is_rival: false,
            is_invalid: false,
            not_after: None,
            skips: false,
            copies: 1,
        };
        Self {
            seed: 0,
            act,
            source,
            wishes: vec![wish],
            workers: 1,
            skews: [0; 3],
            visibility: Duration::from_secs(150),
            slips: Vec::new(),
            crashes: Vec::new(),
            freezes: Vec::new(),
            echoes: Vec::new(),
            stops: Vec::new(),
            redrives: 0,
        }
    }

    /// The schedule of this seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let act = pick(&mut rng, &Act::ALL);
        let source = pick(&mut rng, &Source::ALL);
        let mut schedule = Self { seed: rng.u64(..), ..Self::quiet(act, source) };
        let targets = rng.usize(1..=2);
        let count = rng.usize(1..=3);
        schedule.wishes = (0..count).map(|place| wish(&mut rng, act, place, targets)).collect();
        schedule.workers = rng.usize(1..=3);
        schedule.skews = [(); 3].map(|()| rng.i64(-15_000..=15_000));
        if source == Source::Other {
            schedule.visibility = Duration::from_secs(pick(&mut rng, &[30, 60, 150, 600]));
        }
        schedule.slips = some(&mut rng, 4, |rng| (rng.usize(..24), pick(rng, &Slip::ALL)));
        schedule.crashes = some(&mut rng, 3, point);
        schedule.freezes = some(&mut rng, 2, |rng| (point(rng), seconds(rng, 1..=900)));
        schedule.echoes = some(&mut rng, 3, |rng| (rng.usize(..4), seconds(rng, 0..=1200)));
        if act == Act::Builder {
            schedule.stops = some(&mut rng, 2, |rng| seconds(rng, 0..=1500));
        }
        schedule.redrives = rng.usize(..=1);
        schedule
    }
}

fn wish(rng: &mut Rng, act: Act, place: usize, targets: usize) -> Wish {
    let is_rival = place > 0 && rng.u8(..12) == 0;
    let has_token = act == Act::State || is_rival || place == 0 || rng.bool();
    Wish {
        target: rng.usize(..targets),
        has_token,
        is_rival,
        is_invalid: rng.u8(..16) == 0,
        not_after: (rng.u8(..6) == 0).then(|| seconds(rng, 0..=1800)),
        skips: rng.u8(..6) == 0,
        copies: if has_token && rng.u8(..4) == 0 { 2 } else { 1 },
    }
}

fn point(rng: &mut Rng) -> Point {
    Point { invocation: rng.usize(..4), wait: rng.usize(..14) }
}

/// None up to `most`, fewer more often than many.
fn some<T>(rng: &mut Rng, most: usize, mut one: impl FnMut(&mut Rng) -> T) -> Vec<T> {
    let count = rng.usize(..=most).min(rng.usize(..=most));
    (0..count).map(|_| one(rng)).collect()
}

/// A length of time, short more often than long.
fn seconds(rng: &mut Rng, range: std::ops::RangeInclusive<u64>) -> Duration {
    let longest = rng.u64(range.clone()).max(*range.start());
    Duration::from_millis(rng.u64(*range.start() * 1000..=longest * 1000))
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invocation {} at its wait {}", self.invocation, self.wait)
    }
}
