//! Explores every world, and prints what was found.

use std::process::ExitCode;

use model::worlds::{CONTROLS, FULL, SMALL, both};
use model::{explore, scenario::Scenario};

fn main() -> ExitCode {
    let mut holds = true;
    for (name, scenario) in SMALL.into_iter().chain(FULL) {
        for scenario in both(scenario) {
            holds &= show(name, scenario);
        }
    }
    for control in CONTROLS {
        let explored = explore::violation(control.scenario, control.breaks);
        let path = explored.violations.iter().find(|(name, _)| *name == control.breaks);
        println!("\ncontrol: {}", control.name);
        if let Some((name, path)) = path {
            println!("  caught within {} states, against: {name}", explored.states);
            for action in path.clone().into_actions() {
                println!("    {action:?}");
            }
        } else {
            println!("  not caught");
            holds = false;
        }
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether everything holds in the scenario.
fn show(name: &str, scenario: Scenario) -> bool {
    let explored = explore::all(scenario, 2);
    println!(
        "{name} ({:?}): {} states, depth {}, {:.1} s",
        scenario.operation,
        explored.states,
        explored.depth,
        explored.time.as_secs_f64(),
    );
    for (name, path) in &explored.violations {
        println!("  does not hold: {name}: {:?}", path.clone().into_actions());
    }
    explored.violations.is_empty()
}
