//! Reveille's protocol as a finite model: one wish, its ledger item, AWS, a queue, and workers that
//! may crash at every step while any of their requests is lost, unanswered or late.
//!
//! | module | mirrors |
//! |---|---|
//! | [`protocol`] | the choices; each wrong protocol is one changed line |
//! | [`ledger`] | `shared/src/ledger.rs`: the statements of claim and settle, and what they ask for |
//! | [`driver`] | `shared/src/driver.rs`, `driver/decision.rs`, `operation.rs` |
//! | [`aws`] | what an operation does with a token, and a builder with its state |
//! | [`times`] | durations, and the assumptions about them |
//! | [`scenario`] | what may happen, how often, and what must hold in every state |
//! | [`explore`] | every state of a scenario |
//! | [`worlds`] | the scenarios, and the wrong protocols that must be caught |

pub mod aws;
pub mod driver;
pub mod explore;
pub mod ledger;
pub mod protocol;
pub mod scenario;
pub mod times;
pub mod worlds;
