//! Prints the figures.
use model::aws::Operation;
use model::protocol::Protocol;
use model::scenario::{Budget, Scenario};

fn main() {
    let a: Vec<u8> =
        std::env::args().nth(1).unwrap_or_default().bytes().map(|b| b - b'0').collect();
    let p = match std::env::args().nth(2).as_deref() {
        Some("fence") => Protocol::WITHOUT_THE_OWNER_FENCE,
        Some("fresh") => Protocol::FRESH_TOKEN_PER_ATTEMPT,
        Some("delete") => Protocol::DELETE_ON_FAILURE,
        Some("powertools") => Protocol::POWERTOOLS,
        Some("margin") => Protocol::WITHOUT_A_LEASE_MARGIN,
        Some("last") => Protocol::LAST_ANSWER_ONLY,
        Some("other") => Protocol::ANY_OTHER_SOURCE,
        _ => Protocol::REVEILLE,
    };
    let budget = Budget {
        crashes: a[0],
        faults: a[1],
        duplicates: a[2],
        clocks: a[3],
        overruns: a[4],
        busy: a[5],
        late: a[6],
        stops: a[7],
    };
    for operation in [Operation::Tokened, Operation::Builder] {
        let s =
            Scenario { protocol: p, operation, workers: usize::from(a[8]), budget, twin: a[9] > 0 };
        let e = if p == Protocol::REVEILLE {
            model::explore::all(s, 2)
        } else {
            model::explore::first_violation(s)
        };
        println!("{operation:?} states {} depth {} time {:?}", e.states, e.depth, e.time);
        println!("  reached {:?}", e.reached);
        for (name, path) in e.violations {
            println!("  VIOLATED {name}: {:#?}", path.into_actions());
        }
    }
}
