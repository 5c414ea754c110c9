//! The proof by crashes: the functions' real drivers, ledgers and operations, with real clients, in
//! a world whose time, order and failures are all drawn from a seed.
//!
//! A [`Schedule`] says what is wished and what goes wrong; [`play`] runs it and reports what must
//! not be. The same seed is the same run, down to the order of every request.

mod check;
pub mod exhaustive;
pub mod inputs;
pub mod kills;
pub mod plan;
pub mod run;
mod wire;

pub use plan::Schedule;
pub use run::{Figures, Report, play};
