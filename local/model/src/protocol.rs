//! What may be right or wrong about the protocol: each wrong one differs from [`Protocol::REVEILLE`]
//! in the line that names its mistake.

/// The choices that the protocol makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// What a claim that takes an item asks for, of what it has read.
    pub take: Asks,
    /// What a settlement requires of the stored item.
    pub settle: Fence,
    /// What `Attempt::token` is derived from.
    pub token: TokenOf,
    /// What is written where an attempt did not end the wish.
    pub failure: OnFailure,
    /// `LEASE_MARGIN_SECONDS`, in ticks.
    pub lease_margin: u8,
    /// Which requests of one call begin a doubt.
    pub doubt: DoubtAfter,
    /// What a refusal for ever means while an earlier attempt is in doubt.
    pub refused_in_doubt: Refusal,
    /// Who may claim a wish that ended as `OutcomeUnknown`.
    pub outcome_unknown: ClaimableBy,
}

impl Protocol {
    /// The protocol of this project.
    pub const REVEILLE: Self = Self {
        take: Asks::OwnerAndStatus,
        settle: Fence::Owner,
        token: TokenOf::Wish,
        failure: OnFailure::Settle,
        lease_margin: crate::times::LEASE_MARGIN,
        doubt: DoubtAfter::AnyRequest,
        refused_in_doubt: Refusal::OutcomeUnknown,
        outcome_unknown: ClaimableBy::Person,
    };

    /// A free wish is taken, whatever became of it since it was read.
    pub const TAKE_WHATEVER_IS_THERE: Self = Self { take: Asks::Nothing, ..Self::REVEILLE };

    /// The same, if no other claim has been there since.
    pub const TAKE_FROM_AN_OWNER: Self = Self { take: Asks::Owner, ..Self::REVEILLE };

    /// The same, if it looks as it did.
    pub const TAKE_IN_A_STATUS: Self = Self { take: Asks::Status, ..Self::REVEILLE };

    /// Whoever settles last is right.
    pub const WITHOUT_THE_OWNER_FENCE: Self = Self { settle: Fence::None, ..Self::REVEILLE };

    /// An SDK fills the client token in by itself: a new one for each call.
    pub const FRESH_TOKEN_PER_ATTEMPT: Self = Self { token: TokenOf::Attempt, ..Self::REVEILLE };

    /// What failed is forgotten, and with it that it may have been sent.
    pub const DELETE_ON_FAILURE: Self = Self { failure: OnFailure::Delete, ..Self::REVEILLE };

    /// Powertools for Lambda: put INPROGRESS; complete or delete without a condition; after its
    /// expiry execute again; the client token is the SDK's own.
    pub const POWERTOOLS: Self = Self {
        settle: Fence::None,
        token: TokenOf::Attempt,
        failure: OnFailure::Delete,
        lease_margin: 0,
        ..Self::REVEILLE
    };

    /// The lease ends with the invocation.
    pub const WITHOUT_A_LEASE_MARGIN: Self = Self { lease_margin: 0, ..Self::REVEILLE };

    /// Where the SDK sent a call several times, the last answer is taken for all of them.
    pub const LAST_ANSWER_ONLY: Self = Self { doubt: DoubtAfter::LastRequest, ..Self::REVEILLE };

    /// AWS's no is reported as if no earlier attempt might have been carried out.
    pub const REFUSAL_TAKEN_AT_ITS_WORD: Self =
        Self { refused_in_doubt: Refusal::AsItSays, ..Self::REVEILLE };

    /// Another message with the same token begins again what ended as `OutcomeUnknown`.
    pub const ANY_OTHER_SOURCE: Self =
        Self { outcome_unknown: ClaimableBy::AnotherSource, ..Self::REVEILLE };
}

/// What a claim that takes an item asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Both, as they were read: no other state of the item has them.
    OwnerAndStatus,
    /// The owner that was read.
    Owner,
    /// The status that was read.
    Status,
    /// Nothing but an item.
    Nothing,
}

/// What a settlement requires of the stored item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// `owner = mine AND status = CLAIMED`.
    Owner,
    /// Nothing.
    None,
}

/// What a client token is derived from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOf {
    /// The wish: the same on every attempt, in every process.
    Wish,
    /// The attempt.
    Attempt,
}

/// What is written where an attempt did not end the wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// DEFERRED or REJECTED, with what is known of the call.
    Settle,
    /// Nothing: the item is deleted.
    Delete,
}

/// Which requests of one call, which the SDK may have sent several times, begin a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoubtAfter {
    /// Any that was not answered.
    AnyRequest,
    /// The last, if it was not answered.
    LastRequest,
}

/// What a refusal for ever means while an earlier attempt is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It says nothing of the earlier attempt.
    OutcomeUnknown,
    /// That nothing was started.
    AsItSays,
}

/// Who may claim a wish that ended as `OutcomeUnknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimableBy {
    /// A person, who looked at the target first. The model has none.
    Person,
    /// Whatever message brings the same token from another source.
    AnotherSource,
}
