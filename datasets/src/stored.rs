//! Trajectories of a problem from files in place of a solver.

use std::path::Path;

use flowmap_solvers::issue::Issue;
use ndarray::{ArrayD, Axis, Slice, concatenate};

use crate::data::FileConfig;
use crate::dataset::Dataset;
use crate::format::read;
use crate::generate::{DataError, Recipe};
use crate::problem::Problem;

impl Recipe<'_> {
    /// One file, whose first trajectories train, the next validate and the last test; or two, of which the second tests and the first may
    /// have `data.train_steps` samples after the first: what no part covers is then not a number.
    pub(crate) fn read_file(&self, problem: &Problem, file: &FileConfig) -> Result<Dataset, DataError> {
        let c = self.data;
        let mut card = self.card(problem);
        let Some(test) = &file.test else {
            card.source = Some(file.path.display().to_string());
            let all = (c.trajectories(), c.steps, "data.train + validation + test");
            return Ok(self.assemble(
                problem,
                card,
                self.states(problem, &file.path, "data.file.path", all)?,
            ));
        };
        card.source = Some(format!("{} to train, {} to test", file.path.display(), test.display()));
        let steps = if c.train_steps > 0 { c.train_steps } else { c.steps };
        let first = (c.train + c.validation, steps, "data.train + validation");
        let mut first = self.states(problem, &file.path, "data.file.path", first)?;
        let second = self.states(problem, test, "data.file.test", (c.test, c.steps, "data.test"))?;
        if steps < c.steps {
            let mut missing = first.shape().to_vec();
            missing[1] = c.steps - steps;
            first = concatenate![Axis(1), first, ArrayD::from_elem(missing, f64::NAN)];
        }
        let all = concatenate![Axis(0), first, second];
        Ok(self.assemble(problem, card, all.as_standard_layout().into_owned()))
    }

    /// The first trajectories of a file, with as many steps, `[trajectory, time, channel, x, …]`; `asked` are both, and what asks.
    fn states(
        &self,
        problem: &Problem,
        path: &Path,
        key: &str,
        asked: (usize, usize, &str),
    ) -> Result<ArrayD<f64>, DataError> {
        let (trajectories, steps, of) = asked;
        let mut series = read(path)?;
        let (shape, wanted) = (series.values.shape().to_vec(), problem.state_shape());
        let misfit = |what: String, hint: &str| {
            DataError::Config(Issue::new(key, format!("{}: {what}", path.display())).hint(hint))
        };
        if shape[2..] != wanted {
            return Err(misfit(
                format!("states of shape {:?} for a problem with {wanted:?}", &shape[2..]),
                "set the problem's points and dimensions to those of the file",
            ));
        }
        if shape[0] < trajectories {
            return Err(misfit(
                format!("{} trajectories, and {of} = {trajectories}", shape[0]),
                "ask for fewer",
            ));
        }
        if self.data.dt == 0.0 || self.data.steps == 0 {
            return Err(misfit(
                "data.dt or data.steps is missing".into(),
                "a problem needs both; a file without a problem may go without",
            ));
        }
        if shape[1] < steps + 1 {
            return Err(misfit(
                format!("{} samples a trajectory, and {steps} steps", shape[1]),
                "lower data.steps, or data.train_steps of the file that trains",
            ));
        }
        let spacing = series.times.get(1).zip(series.times.first()).map(|(b, a)| b - a);
        if spacing.is_some_and(|s| ((s - self.data.dt) / self.data.dt).abs() > 1e-3) {
            return Err(misfit(
                format!("samples are {} apart", spacing.unwrap_or_default()),
                "set data.dt to the spacing of the file",
            ));
        }
        let values = &mut series.values;
        values.slice_axis_inplace(Axis(0), Slice::from(0..trajectories));
        values.slice_axis_inplace(Axis(1), Slice::from(0..steps + 1));
        series.require_finite(path)?;
        Ok(series.values.as_standard_layout().into_owned())
    }
}
