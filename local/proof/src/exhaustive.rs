//! Every point, not some: one wish of each operation from each source, dying at every point at
//! which its invocation waits, at every pair of points, and with every slip at every request.

use crate::plan::{Act, Point, Schedule, Slip, Source};
use crate::run::{Figures, Report, play};

/// What the exhaustive part came to.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// What is counted, over all of its schedules.
    pub figures: Figures,
    /// Those that broke a rule.
    pub failed: Vec<(Schedule, Report)>,
}

impl Sweep {
    fn play(&mut self, schedule: Schedule) -> Figures {
        let report = play(&schedule, false);
        self.figures.add(&report.figures);
        let figures = report.figures;
        if !report.violations.is_empty() {
            self.failed.push((schedule, report));
        }
        figures
    }
}

/// Every operation by every source: what can be run side by side.
#[must_use]
pub fn parts() -> Vec<(Act, Source)> {
    let with_sources = |act| Source::ALL.map(|source| (act, source));
    Act::ALL.into_iter().flat_map(with_sources).collect()
}

/// Everything about one wish of one operation from one source.
#[must_use]
pub fn sweep(act: Act, source: Source) -> Sweep {
    let quiet = Schedule::quiet(act, source);
    let mut sweep = Sweep::default();
    sweep.play(quiet.clone());
    crash_everywhere(&mut sweep, &quiet);
    slip_everywhere(&mut sweep, &quiet);
    sweep
}

/// Dies at each point, and for each of these at each point of the next delivery.
fn crash_everywhere(sweep: &mut Sweep, quiet: &Schedule) {
    for first in 0.. {
        let mut once = quiet.clone();
        once.crashes.push(Point { invocation: 0, wait: first });
        if sweep.play(once.clone()).crashes < 1 {
            break;
        }
        for second in 0.. {
            let mut twice = once.clone();
            twice.crashes.push(Point { invocation: 1, wait: second });
            if sweep.play(twice).crashes < 2 {
                break;
            }
        }
    }
}

/// Lets each request go wrong in each way, and then dies at each point of the next delivery.
fn slip_everywhere(sweep: &mut Sweep, quiet: &Schedule) {
    for request in 0.. {
        let mut reached = false;
        for slip in Slip::ALL {
            let mut one = quiet.clone();
            one.slips.push((request, slip));
            let figures = sweep.play(one.clone());
            reached |= figures.requests_lost + figures.answers_lost + figures.refusals > 0;
            for invocation in 0..2 {
                for wait in 0.. {
                    let mut both = one.clone();
                    both.crashes.push(Point { invocation, wait });
                    if sweep.play(both).crashes < 1 {
                        break;
                    }
                }
            }
        }
        if !reached {
            break;
        }
    }
}
