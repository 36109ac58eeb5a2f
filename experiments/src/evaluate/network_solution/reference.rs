//! What a network is judged against, and where it starts.

use flowmap_datasets::problem::Problem;
use flowmap_models::pinn::{Profile, Symmetry};
use ndarray::{Array2, Axis, Ix2};

use crate::commands::Progress;
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::{Findings, keep};
use crate::run_dir::RunDir;

/// An asymmetry of a start that is none.
const ROUNDING: f64 = 1e-9;

/// The solution on an even grid of space at even times.
#[derive(Clone, Debug)]
pub(in crate::evaluate) struct Reference {
    /// Places.
    pub(in crate::evaluate) x: Vec<f64>,
    /// Times.
    pub(in crate::evaluate) t: Vec<f64>,
    /// `[time, x]`.
    pub(in crate::evaluate) values: Array2<f64>,
    /// The length of the axis.
    pub(in crate::evaluate) length: f64,
    /// The start with its derivatives.
    pub(in crate::evaluate) start: Profile,
    /// How it came about.
    pub(in crate::evaluate) source: &'static str,
}

impl Reference {
    /// The exact solution, or the solver's.
    ///
    /// # Errors
    /// If the data cannot be had.
    pub(in crate::evaluate) fn obtain(
        config: &ExperimentConfig,
        problem: &Problem,
        progress: &Progress,
        run: &RunDir,
        findings: &mut Findings,
    ) -> Result<Self, Error> {
        if let Some(exact) = Self::exact(config, problem) {
            return Ok(exact);
        }
        let data = progress.data(config)?;
        keep::keep_card(&data, run, findings)?;
        let test = data.part(&data.split.test);
        let first = test.index_axis(Axis(0), 0);
        let field = first.index_axis(Axis(1), 0).to_owned().into_dimensionality::<Ix2>();
        let values = field.map_err(|e| Error::Numerical(format!("the reference is no field: {e}")))?;
        Self::new(config, problem, values, "the spectral solution")
            .ok_or_else(|| Error::Numerical("the problem has no grid of one axis".into()))
    }

    /// The exact solution on the grid of the problem, where there is one.
    pub(in crate::evaluate) fn exact(config: &ExperimentConfig, problem: &Problem) -> Option<Self> {
        let Problem::Pde(pde) = problem else { return None };
        if config.data.burn_in > 0.0 || config.data.file.is_some() {
            return None;
        }
        let exact = pde.exact(&config.data.initial)?;
        let times = config.data.times();
        let rows: Vec<f64> = times.iter().flat_map(|t| exact(*t)).collect();
        let values = Array2::from_shape_vec((times.len(), pde.grid().points()), rows).ok()?;
        Self::new(config, problem, values, "the exact solution")
    }

    fn new(
        config: &ExperimentConfig,
        problem: &Problem,
        values: Array2<f64>,
        source: &'static str,
    ) -> Option<Self> {
        let Problem::Pde(pde) = problem else { return None };
        let grid = pde.grid();
        let (x, length) = (grid.coordinates(0), grid.lengths()[0]);
        let own = config.data.burn_in == 0.0 && config.data.file.is_none();
        let start = match config.data.initial.derivatives(grid).filter(|_| own) {
            Some(closed) => Profile::new(closed),
            None => Profile::through(&values.row(0).to_vec(), x[0], length).ok()?,
        };
        Some(Self { x, t: config.data.times(), values, length, start, source })
    }

    /// By how much of its size the start misses a symmetry, if that is more than rounding.
    pub(super) fn asymmetry(&self, symmetry: Symmetry) -> Option<f64> {
        let sign = match symmetry {
            Symmetry::None => return None,
            Symmetry::Even => 1.0,
            Symmetry::Odd => -1.0,
        };
        let (mut off, mut size) = (0.0_f64, 0.0_f64);
        for x in &self.x {
            let [here, there] = [*x, -x].map(|x| self.start.at(x)[0]);
            off = off.max((here - sign * there).abs());
            size = size.max(here.abs());
        }
        Some(off / size).filter(|a| *a > ROUNDING)
    }

    /// How long it lasts.
    pub(in crate::evaluate) fn duration(&self) -> f64 {
        self.t.last().copied().unwrap_or(0.0)
    }
}
