//! Trajectories from a configuration and a seed.

use std::path::Path;

use flowmap_solvers::config::SolverConfig;
use flowmap_solvers::issue::Issue;
use ndarray::{ArrayD, ArrayView1};
use rand::Rng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::cache;
use crate::card::{DataCard, FORMAT_VERSION, ReferenceError};
use crate::data::{DataConfig, FileConfig};
use crate::dataset::{Dataset, Split};
use crate::drift::drift;
use crate::format::FormatError;
use crate::problem::{Problem, ProblemConfig};
use crate::rng::stream;
use crate::simulate::{Realisation, Trajectory, simulate_on};
use crate::tail::tail;

/// The trajectories whose error is measured.
const MEASURED: usize = 4;

/// Why there are no data.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The configuration asks for what cannot be.
    #[error("{0}")]
    Config(Issue),
    /// A trajectory did not reach its end.
    #[error("trajectory {index}: {}", trajectory.outcome)]
    Diverged {
        /// Its place.
        index: usize,
        /// As far as it went.
        trajectory: Box<Trajectory>,
    },
    /// The data file cannot be read.
    #[error(transparent)]
    File(#[from] FormatError),
}

/// Everything that decides about the data.
#[derive(Clone, Debug)]
pub struct Recipe<'a> {
    /// The problem.
    pub problem: &'a ProblemConfig,
    /// The method.
    pub solver: &'a SolverConfig,
    /// The data wanted.
    pub data: &'a DataConfig,
    /// The seed.
    pub seed: u64,
}

impl Recipe<'_> {
    /// The data, from the cache if they are there; `progress` is told how many trajectories are done.
    ///
    /// # Errors
    /// If the configuration does not fit, a trajectory diverges, or a data file cannot be read.
    pub fn obtain(
        &self,
        cache: Option<&Path>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Dataset, DataError> {
        self.had(cache, progress, false)
    }

    /// As [`obtain`](Self::obtain); but trajectories of a file that train stay there and are read by windows, unless they are observed otherwise than
    /// they are.
    ///
    /// # Errors
    /// As [`obtain`](Self::obtain).
    pub fn obtain_windows(
        &self,
        cache: Option<&Path>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Dataset, DataError> {
        self.had(cache, progress, self.data.observe.is_none())
    }

    fn had(
        &self,
        cache: Option<&Path>,
        progress: &(dyn Fn(usize) + Sync),
        stay: bool,
    ) -> Result<Dataset, DataError> {
        let problem = self.problem.build().map_err(|e| {
            DataError::Config(Issue::new(format!("problem.{}", self.problem.name()), e.to_string()))
        })?;
        let data = match &self.data.file {
            Some(file) => self.read_file(&problem, file, stay)?,
            None => self.generate(&problem, cache, progress)?,
        };
        match &self.data.observe {
            Some(observe) => observe.apply(data, self.seed).map_err(DataError::Config),
            None => Ok(data),
        }
    }

    fn generate(
        &self,
        problem: &Problem,
        cache: Option<&Path>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Dataset, DataError> {
        let card = self.card(problem);
        if let Some(found) = cache.and_then(|folder| cache::load(folder, &card)) {
            let (card, values) = found;
            if values.shape()[..2] == [self.data.trajectories(), self.data.steps + 1] {
                return Ok(self.assemble(problem, card, values));
            }
        }
        let (card, values) = self.solve(problem, card, progress)?;
        if let Some(folder) = cache {
            cache::store(folder, &card, &values);
        }
        Ok(self.assemble(problem, card, values))
    }

    /// The start of one trajectory.
    ///
    /// # Errors
    /// If the configured start does not fit the problem.
    pub fn start(&self, problem: &Problem, index: usize) -> Result<Vec<f64>, DataError> {
        let mut rng = stream(self.seed, "initial", index as u64);
        let drawn = match problem {
            Problem::Pde(p) => self.data.initial.field(&**p, &mut rng),
            Problem::Ode(p) => self.data.initial.state(&**p, &mut rng),
            Problem::Cells(p) => self.data.initial.cells(&**p, &mut rng),
            Problem::Dde(p) => self.data.initial.past(&**p, &mut rng),
            Problem::Sde(p) => self.data.initial.origin(&**p, &mut rng),
            Problem::Labelled(_) | Problem::Boxed(_) => return Err(DataError::Config(unsolved())),
            Problem::Density(p) => Ok(p.sample(&mut rng).to_vec()),
        };
        drawn.map_err(|mut issue| {
            issue.path = format!("data.initial.{}", issue.path);
            DataError::Config(issue)
        })
    }

    /// The seed of the paths that drive a stochastic problem, trajectory `i` by the `i`-th row.
    pub fn path_seed(&self) -> u64 {
        stream(self.seed, "brownian", 0).next_u64()
    }

    /// One trajectory, with its burn-in cut off.
    fn trajectory(
        &self,
        problem: &Problem,
        solver: &SolverConfig,
        u0: &[f64],
        row: usize,
    ) -> Result<Trajectory, DataError> {
        let times: Vec<_> = self.data.times().iter().map(|t| t + self.data.burn_in).collect();
        let realisation = Realisation { seed: self.path_seed(), row };
        let mut trajectory =
            simulate_on(problem, solver, u0, &times, realisation).map_err(DataError::Config)?;
        trajectory.times.iter_mut().for_each(|t| *t -= self.data.burn_in);
        Ok(trajectory)
    }

    fn solve(
        &self,
        problem: &Problem,
        mut card: DataCard,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(DataCard, ArrayD<f64>), DataError> {
        let n = self.data.trajectories();
        let done = std::sync::atomic::AtomicUsize::new(0);
        let solved: Vec<Result<Trajectory, DataError>> = (0..n)
            .into_par_iter()
            .map(|index| {
                let u0 = self.start(problem, index)?;
                let trajectory = self.trajectory(problem, self.solver, &u0, index)?;
                progress(1 + done.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
                if trajectory.outcome.is_success() {
                    Ok(trajectory)
                } else {
                    Err(DataError::Diverged { index, trajectory: Box::new(trajectory) })
                }
            })
            .collect();
        let solved = solved.into_iter().collect::<Result<Vec<_>, _>>()?;
        self.measure(problem, &solved, &mut card)?;
        let mut shape = vec![n, self.data.steps + 1];
        shape.extend(problem.state_shape());
        let values: Vec<f64> = solved.into_iter().flat_map(|t| t.states).flatten().collect();
        let values = ArrayD::from_shape_vec(shape, values)
            .map_err(|e| DataError::Config(Issue::new("data", e.to_string())))?;
        Ok((card, values))
    }

    /// Measures the error of the last trajectories (they judge) against half the step, their drift, and what their grid resolves.
    fn measure(
        &self,
        problem: &Problem,
        solved: &[Trajectory],
        card: &mut DataCard,
    ) -> Result<(), DataError> {
        let n = solved.len();
        let finer = self.solver.refined();
        let measured: Vec<Result<(f64, f64), DataError>> = (n.saturating_sub(MEASURED)..n)
            .into_par_iter()
            .map(|index| {
                let u0 = self.start(problem, index)?;
                let reference = self.trajectory(problem, &finer, &u0, index)?;
                let pairs = solved[index].states.iter().zip(&reference.states);
                let errors: Vec<_> = pairs.map(|(a, b)| relative_l2(a, b)).collect();
                Ok((errors.last().copied().unwrap_or(f64::NAN), errors.iter().copied().fold(0.0, f64::max)))
            })
            .collect();
        let measured = measured.into_iter().collect::<Result<Vec<_>, _>>()?;
        card.reference = Some(ReferenceError {
            trajectories: measured.len(),
            last: measured.iter().map(|m| m.0).fold(0.0, f64::max),
            largest: measured.iter().map(|m| m.1).fold(0.0, f64::max),
        });
        for trajectory in &solved[n.saturating_sub(MEASURED)..] {
            if let Problem::Pde(p) = problem
                && !p.is_linear()
            {
                let share = tail(&**p, &trajectory.states);
                card.tail = Some(card.tail.unwrap_or(0.0).max(share));
            }
            for (name, deviations) in drift(problem, &trajectory.states) {
                let drift = deviations.iter().copied().fold(0.0, f64::max);
                match card.drift.iter_mut().find(|(n, _)| n == name) {
                    Some((_, largest)) => *largest = largest.max(drift),
                    None => card.drift.push((name.to_owned(), drift)),
                }
            }
        }
        Ok(())
    }

    pub(crate) fn card(&self, problem: &Problem) -> DataCard {
        let json = |v: Result<serde_json::Value, serde_json::Error>| v.unwrap_or_default();
        let mut card = DataCard {
            format_version: FORMAT_VERSION,
            equation: problem.equation().to_owned(),
            problem: json(serde_json::to_value(self.problem)),
            solver: json(serde_json::to_value(self.solver)),
            // What a model is shown of the trajectories does not change them.
            data: json(serde_json::to_value(DataConfig {
                observe: None,
                train_steps: 0,
                history: 1,
                file: self.data.file.clone().map(|file| FileConfig { cache_mb: 0, ..file }),
                ..self.data.clone()
            })),
            seed: self.seed,
            ..DataCard::default()
        };
        let digest = Sha256::digest(serde_json::to_vec(&card).unwrap_or_default());
        card.hash = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
        card.warnings.extend(self.solver.deviates().map(str::to_owned));
        card
    }

    pub(crate) fn assemble(&self, problem: &Problem, card: DataCard, values: ArrayD<f64>) -> Dataset {
        let c = self.data;
        let samples = values.shape()[1];
        let split = Split::new(c.train, c.validation, c.test, samples);
        Dataset {
            values,
            stored: None,
            times: c.times(),
            coordinates: problem.coordinates(),
            channels: problem.channels(),
            split: if c.train_steps > 0 { split.shortened(c.train_steps + 1) } else { split },
            card,
        }
    }
}

/// What a problem without an equation has no start for.
fn unsolved() -> Issue {
    Issue::new("problem", "series that are drawn have no start").hint("give [model.neural_cde]")
}

/// `‖a − b‖ / ‖b‖`.
fn relative_l2(a: &[f64], b: &[f64]) -> f64 {
    let norm = |x: ArrayView1<'_, f64>| x.dot(&x).sqrt();
    let (a, b) = (ArrayView1::from(a), ArrayView1::from(b));
    norm((&a - &b).view()) / norm(b).max(f64::MIN_POSITIVE)
}
