//! What a person sees while an experiment runs, on stderr.

use std::io::IsTerminal;

use flowmap_datasets::cache;
use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::generate::{DataError, Recipe};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How much is said.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    quiet: bool,
    verbose: bool,
    terminal: bool,
}

/// A bar on a terminal, nothing elsewhere.
pub struct Bar(Option<ProgressBar>);

impl Progress {
    /// As the flags say.
    pub fn new(quiet: bool, verbose: bool) -> Self {
        Self { quiet, verbose, terminal: std::io::stderr().is_terminal() }
    }

    /// A line.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    /// A bar with the time left.
    pub fn bar(&self, name: &str, total: u64, done: u64) -> Bar {
        if self.quiet || !self.terminal {
            return Bar(None);
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix:>10} [{bar:36}] {pos}/{len} {msg} ({eta} left)");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name.to_owned());
        bar.set_position(done);
        bar.reset_eta();
        Bar(Some(bar))
    }

    /// A line for every epoch (every tenth, unless verbose).
    pub fn epoch(&self, role: &str, epoch: usize, epochs: usize, loss: f64, error: f64, bar: &Bar) {
        if self.quiet || !(self.verbose || epoch == epochs || epoch.is_multiple_of(epochs.div_ceil(10))) {
            return;
        }
        let line = format!("{role}: epoch {epoch}/{epochs}, loss {loss:.3e}, validation rollout {error:.4}");
        match &bar.0 {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    /// Makes the data, or takes them from the cache.
    ///
    /// # Errors
    /// As [`Recipe::obtain`].
    pub fn data(&self, recipe: &Recipe<'_>) -> Result<Dataset, DataError> {
        let bar = self.bar("data", recipe.data.trajectories() as u64, 0);
        let data = recipe.obtain(cache::folder().as_deref(), &|done| bar.at(done as u64, ""))?;
        bar.finish();
        let reference = data.card.reference.as_ref().map(|r| format!(", reference error {:.1e}", r.last));
        self.say(&format!(
            "data: {} trajectories of {} samples{}",
            data.values.shape()[0],
            data.values.shape()[1],
            reference.unwrap_or_default()
        ));
        Ok(data)
    }
}

impl Bar {
    /// Moves the bar.
    pub fn at(&self, done: u64, message: &str) {
        if let Some(bar) = &self.0 {
            bar.set_position(done);
            bar.set_message(message.to_owned());
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
