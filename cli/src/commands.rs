//! One file for each command: what can be typed, and what is done.

pub(crate) mod cancel;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod dead_letters;
pub(crate) mod list;
pub(crate) mod redrive;
pub(crate) mod send;
pub(crate) mod show;

use std::io::Read;
use std::path::Path;

use crate::operation::Operation;
use crate::problem::Problem;

/// The text of a file, or of standard input where it is named `-`.
fn read(file: &Path) -> Result<String, Problem> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|error| Problem::Usage(format!("{} cannot be read: {error}", file.display())))
}

/// The operation that was named, or that of the function in whose folder the file is.
fn operation_of(file: &Path, named: Option<Operation>) -> Result<Operation, Problem> {
    let folder = file.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    named.or_else(|| folder.and_then(Operation::of)).ok_or_else(|| {
        let known = Operation::ALL.map(Operation::name).join(", ");
        Problem::Usage(format!(
            "found no operation for {}, expected --operation with one of {known}, or a file in a \
             folder named like its function, such as events/start-image-builder/",
            file.display()
        ))
    })
}
