//! What the command line can do.

mod check;
mod compare;
mod data;
mod list;
mod progress;
mod run;
mod sweep;

pub use check::check;
pub use compare::compare;
pub use data::data;
pub use list::list;
pub use progress::{Bar, Progress};
pub use run::run;

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;

use crate::error::Error;

/// Rebuilds `report.html`.
///
/// # Errors
/// If the folder is no run folder, or the report cannot be written.
pub fn report(run: &Path) -> Result<(), Error> {
    let path = crate::report::write(run)?;
    print(&path.display().to_string());
    Ok(())
}

/// Prints completions.
///
/// # Errors
/// Never.
pub fn completions(shell: clap_complete::Shell) -> Result<(), Error> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut crate::cli::Cli::command(), "experiment", &mut text);
    print(String::from_utf8_lossy(&text).trim_end());
    Ok(())
}

/// A line on stdout; a closed pipe is no error.
pub(crate) fn print(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
