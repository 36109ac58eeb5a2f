//! What a person sees while an experiment runs, on stderr.

use std::io::IsTerminal;

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::Problem;
use flowmap_datasets::{cache, cloud, series};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::config::ExperimentConfig;

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
        let line = format!("{role}: epoch {epoch}/{epochs}, loss {loss:.3e}, validation {error:.4}");
        match &bar.0 {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    /// The data of an experiment: made, taken from the cache, or read from a file.
    ///
    /// # Errors
    /// As [`flowmap_datasets::generate::Recipe::obtain`] and [`series::obtain`].
    pub fn data(&self, config: &ExperimentConfig) -> Result<Dataset, DataError> {
        self.had(config, false)
    }

    /// As [`data`](Self::data); but fields of a file that train stay there and are read by windows.
    ///
    /// # Errors
    /// As [`data`](Self::data).
    pub fn windows(&self, config: &ExperimentConfig) -> Result<Dataset, DataError> {
        self.had(config, true)
    }

    fn had(&self, config: &ExperimentConfig, windows: bool) -> Result<Dataset, DataError> {
        if let Some(problem) = &config.problem
            && let Ok(Problem::Density(density)) = problem.build()
        {
            let data = cloud::draw(problem, &*density, &config.data, config.seed);
            let DataConfig { train, validation, test, .. } = config.data;
            self.say(&format!("data: {train} points to train, {validation} to validate, {test} to test"));
            return Ok(data);
        }
        let Some(recipe) = config.recipe() else {
            let data = series::obtain(&config.data, config.seed)?;
            let parts = [&data.split.train, &data.split.validation, &data.split.test];
            let [train, validation, test] = parts.map(|p| p.trajectories.len() * p.samples.len());
            self.say(&format!("data: {train} samples to train, {validation} to validate, {test} to test"));
            if let Some(o) = data.card.observation.as_ref().filter(|o| o.dimension > 1) {
                self.say(&format!(
                    "data: {} coordinates of each channel, {} samples apart",
                    o.dimension, o.delay
                ));
            }
            data.card.warnings.iter().for_each(|w| self.say(w));
            return Ok(data);
        };
        let bar = self.bar("data", recipe.data.trajectories() as u64, 0);
        let (cache, done) = (cache::folder(), |done| bar.at(done as u64, ""));
        let data = match windows {
            true => recipe.obtain_windows(cache.as_deref(), &done)?,
            false => recipe.obtain(cache.as_deref(), &done)?,
        };
        bar.finish();
        let reference = data.card.reference.as_ref().map(|r| match r.parted() {
            true if data.card.warnings.is_empty() => {
                ", trajectories part from those of half the step (chaotic)".to_owned()
            }
            _ => format!(", reference error {:.1e}", r.last),
        });
        data.card.warnings.iter().for_each(|w| self.say(&format!("warning: {w}")));
        self.say(&format!(
            "data: {} trajectories of {} samples{}{}",
            data.split.test.trajectories.end,
            data.values.shape()[1],
            reference.unwrap_or_default(),
            if data.stored.is_some() { ", those that train are read as they are needed" } else { "" }
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
