//! Durations, in ticks of an abstract clock, and the assumptions about them.

/// When the model begins; later than zero, so that a clock may be behind.
pub const BEGIN: u8 = 10;
/// How long an invocation has: the deadline, `send_before`.
pub const TIMEOUT: u8 = 2;
/// How far a worker's clock is from the true time, at most.
pub const SKEW: u8 = 1;
/// How long a request may be on its way before it arrives, or never does.
pub const DELAY: u8 = 1;
/// How long after the deadline a claim ends.
pub const LEASE_MARGIN: u8 = 2;
/// How long SQS hides a message that was received: longer than a lease.
pub const VISIBILITY: u8 = TIMEOUT + LEASE_MARGIN + 1;
/// `Operation::REPEATABLE_FOR`.
pub const REPEATABLE_FOR: u8 = 5;
/// How long AWS remembers a client token.
pub const TOKEN_MEMORY: u8 = 8;
/// How long a builder takes to start.
pub const BUILDER_STARTS: u8 = 4;
/// How long a builder takes to stop.
pub const BUILDER_STOPS: u8 = 5;
/// `MAX_ATTEMPTS`.
pub const MAX_ATTEMPTS: u8 = 2;
/// `MAX_BUSY_HOURS`.
pub const MAX_BUSY: u8 = 2;
/// The `notAfter` of a wish that has one.
pub const NOT_AFTER: u8 = BEGIN + 2;
/// How long a deferred message is hidden: soon, or so long that no repeat is safe any more.
pub const SOON: u8 = 1;
/// The same where the message comes late.
pub const LATE: u8 = TOKEN_MEMORY + 2;

// A worker whose clock is behind may send until `SKEW` after the deadline; one whose clock is
// ahead takes over `SKEW` before the lease ends; between the two a request may be on its way.
const _: () = assert!(LEASE_MARGIN + 2 > 2 * SKEW + DELAY);
// The age of a doubt is read from two clocks, and the repeat may be on its way.
const _: () = assert!(TOKEN_MEMORY >= REPEATABLE_FOR + 2 * SKEW + DELAY);
const _: () = assert!(BUILDER_STARTS + BUILDER_STOPS > REPEATABLE_FOR + 2 * SKEW + DELAY);
