//! What every reconstructed dynamical system can do: a state that moves by a map, and an observation of it.

use flowmap_solvers::control::Control;
use flowmap_solvers::field::{Jacobian, VectorField};
use flowmap_solvers::solve::{SaveAt, Solution, SolveOptions, solve};
use flowmap_solvers::stepper::iterate::Iterate;
use nalgebra::DMatrix;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// `z_{t+1} = F(z_t)`, `x_t = g(z_t)`: a model of a time series, in the units that it was trained in.
///
/// A driven model moves by `z_{t+1} = F(z_t, s_{t+1})`; its series hold the inputs `s` after the channels. Free runs, prediction
/// errors and Lyapunov exponents follow from these functions alone, by the integrator core.
pub trait StateSpaceModel: Send + Sync {
    /// The length of `z`.
    fn state_size(&self) -> usize;

    /// The length of `x`.
    fn channels(&self) -> usize;

    /// The length of `s`; zero unless the model is driven.
    fn inputs(&self) -> usize {
        0
    }

    /// The state after each sample, given the samples up to it: `[time, channel]` to `[time, state]`. A model with
    /// memory may need some samples until its states are worth anything: see [`memory`](Self::memory).
    fn filter(&self, series: ArrayView2<'_, f64>) -> Array2<f64>;

    /// Samples that [`filter`](Self::filter) needs before its states are good; zero for a model without memory.
    fn memory(&self) -> usize {
        0
    }

    /// Writes `g(z)`.
    fn observe(&self, z: &[f64], x: &mut [f64]);

    /// Writes `F(z)`; of a driven model `F(z, 0)`.
    fn next(&self, z: &[f64], next: &mut [f64]);

    /// Writes `F(z, s)`, where `s` does not change `∂F/∂z`.
    fn driven(&self, z: &[f64], _s: &[f64], next: &mut [f64]) {
        self.next(z, next);
    }

    /// Writes the state after `z` with the inputs of the sample that follows.
    fn advance(&self, z: &[f64], sample: ArrayView1<'_, f64>, next: &mut [f64]) {
        match self.inputs() {
            0 => self.next(z, next),
            n => {
                let s: Vec<f64> = sample.iter().skip(self.channels()).take(n).copied().collect();
                self.driven(z, &s, next);
            }
        }
    }

    /// Pulls the state that is foreseen for a sample towards it: `z̃ = (1 − γ) z + γ ẑ` in the entries that `x` determines. False, and
    /// nothing is done, for a model that has no such entries.
    fn correct(&self, _z: &mut [f64], _x: &[f64], _gain: f64) -> bool {
        false
    }

    /// Writes `∂Fᵢ/∂zⱼ`; by central differences unless a model knows better.
    fn jacobian(&self, z: &[f64], j: &mut DMatrix<f64>) {
        let n = self.state_size();
        let mut moved = z.to_vec();
        let (mut ahead, mut behind) = (vec![0.0; n], vec![0.0; n]);
        for k in 0..n {
            let h = f64::EPSILON.cbrt() * z[k].abs().max(1.0);
            moved[k] = z[k] + h;
            self.next(&moved, &mut ahead);
            moved[k] = z[k] - h;
            self.next(&moved, &mut behind);
            moved[k] = z[k];
            for i in 0..n {
                j[(i, k)] = (ahead[i] - behind[i]) / (2.0 * h);
            }
        }
    }
}

/// A model as a discrete field of the integrator core, for [`Iterate`].
#[derive(Clone, Copy)]
pub struct Map<'a> {
    /// What moves.
    pub model: &'a dyn StateSpaceModel,
    /// The samples that follow the state at the time zero, `[time, channel + input]`: a driven model is a field of the time as
    /// long as there are any, and not a number after. Others do not look at them.
    pub ahead: ArrayView2<'a, f64>,
}

impl VectorField<Array1<f64>> for Map<'_> {
    fn eval(&mut self, t: f64, z: &Array1<f64>, next: &mut Array1<f64>) {
        if let (Some(z), Some(next)) = (z.as_slice(), next.as_slice_mut()) {
            let t = t.round() as usize;
            match self.model.inputs() {
                0 => self.model.next(z, next),
                _ if t < self.ahead.nrows() => self.model.advance(z, self.ahead.row(t), next),
                _ => next.fill(f64::NAN),
            }
        }
    }
}

impl Jacobian<Array1<f64>> for Map<'_> {
    fn jacobian(&mut self, _t: f64, z: &Array1<f64>, j: &mut DMatrix<f64>) {
        if let Some(z) = z.as_slice() {
            self.model.jacobian(z, j);
        }
    }
}

/// The states from `z` on, `z` among them, `steps` applications of the map as far as they stay finite.
pub fn rollout(model: &dyn StateSpaceModel, z: &[f64], steps: usize) -> Solution<Array1<f64>> {
    driven_rollout(model, z, ArrayView2::from(&[[0.0; 0]; 0]), steps)
}

/// The same with the inputs of the samples `ahead`, `[time, channel + input]`, that follow.
pub fn driven_rollout(
    model: &dyn StateSpaceModel,
    z: &[f64],
    ahead: ArrayView2<'_, f64>,
    steps: usize,
) -> Solution<Array1<f64>> {
    let mut options = SolveOptions::new(0.0, steps as f64, Control::Fixed { dt: 1.0 })
        .save(SaveAt::Steps { every: 1 })
        .max_steps(u64::MAX);
    solve(&mut Iterate::new(Map { model, ahead }), &Array1::from(z.to_vec()), &mut options)
}

/// The observations `[time, channel]` of states.
pub fn observations(model: &dyn StateSpaceModel, states: &[Array1<f64>]) -> Array2<f64> {
    let mut out = Array2::zeros((states.len(), model.channels()));
    for (z, mut x) in states.iter().zip(out.rows_mut()) {
        if let (Some(z), Some(x)) = (z.as_slice(), x.as_slice_mut()) {
            model.observe(z, x);
        }
    }
    out
}
