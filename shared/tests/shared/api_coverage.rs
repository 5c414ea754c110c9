//! `docs/api-coverage.md` names tests that exist.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A row of the table: its function, what it is about, and its test as `module::name`.
struct Row {
    function: String,
    what: String,
    test: String,
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(root().join("docs/api-coverage.md")).unwrap();
    let mut function = String::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            name.clone_into(&mut function);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", what, _, test, ""] = cells[..]
            && !["what", "---"].contains(&what)
        {
            rows.push(Row {
                function: function.clone(),
                what: what.to_owned(),
                test: test.trim_matches('`').to_owned(),
            });
        }
    }
    rows
}

#[test]
fn every_row_of_the_api_coverage_names_a_test_that_exists() {
    for Row { function, what, test } in rows() {
        let (module, name) = test.split_once("::").unwrap_or_else(|| panic!("{what}: `{test}`"));
        let file = root().join(format!("functions/{function}/tests/function/{module}.rs"));
        let source = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{what}: {}: {error}", file.display()));
        let is_there = source.contains(&format!("#[tokio::test]\nasync fn {name}()"));
        assert!(is_there, "{function}, {what}: no test `{name}` in {}", file.display());
    }
}

#[test]
fn every_error_of_the_four_operations_has_a_row() {
    let errors = |function: &str| {
        let of_function = rows().into_iter().filter(|row| row.function == function);
        of_function.filter(|row| row.what.starts_with("error ")).count()
    };
    assert_eq!(errors("start-image-pipeline-execution"), 9);
    assert_eq!(errors("start-resource-state-update"), 9);
    assert_eq!(errors("start-image-builder"), 5);
    assert_eq!(errors("start-streaming-session"), 7);
}
