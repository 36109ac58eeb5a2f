//! Gated recurrent networks: LSTM and GRU with a linear read-out.

mod network;

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::{Baseline, FitError, Fitted, Fitting, Samples, Scale};
use crate::state_space::StateSpaceModel;

/// `x_{t+1} = x_t + s (C h_t + d)` with `h` of a gated cell that reads `x`, `s` the standard deviation of increments, all on
/// standardised channels.
///
/// Trained by teacher forcing: the mean squared error of one step, over random windows, by Adam with a rate that falls as a
/// cosine; the weights are those of the least error of free runs on the validation series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecurrentConfig {
    /// The cell.
    pub cell: Cell,
    /// Its units.
    pub units: usize,
    /// Steps of the optimiser.
    pub steps: usize,
    /// Windows of a step.
    pub batch: usize,
    /// Samples of a window that are predicted.
    pub window: usize,
    /// Samples at the start of a window that bring the cell into step and are not judged.
    pub wash_out: usize,
    /// The rate at the start.
    pub rate: f64,
    /// Samples of a free run that chooses.
    pub horizon: usize,
}

/// A gated cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// `c ← f c + i g`, `h ← o tanh c` (S. Hochreiter, J. Schmidhuber, Neural Computation 9 (1997) 1735-1780).
    #[default]
    Lstm,
    /// `h ← u h + (1 − u) tanh(W x + r (U h + b))` (K. Cho et al., EMNLP 2014).
    Gru,
}

impl Cell {
    /// Blocks of rows of the weights: the gates `i, f, g, o` of the one, `r, u, n` of the other.
    fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }
}

impl Default for RecurrentConfig {
    fn default() -> Self {
        Self {
            cell: Cell::Lstm,
            units: 48,
            steps: 2500,
            batch: 32,
            window: 40,
            wash_out: 10,
            rate: 1e-2,
            horizon: 100,
        }
    }
}

impl Validate for RecurrentConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("units", self.units, 1, 4096);
        check.within("steps", self.steps, 1, 10_000_000);
        check.within("batch", self.batch, 1, 65_536);
        check.within("window", self.window, 1, 100_000);
        check.require(
            self.wash_out < self.window,
            "wash_out",
            format!("{} samples of a window of {}", self.wash_out, self.window),
            "it must be less than the window",
        );
        check.positive("rate", self.rate);
        check.at_least("horizon", self.horizon, 1);
    }
}

/// The model of [`RecurrentConfig`], in `f64`. Its state is `h`, for an LSTM `c`, and the last sample, standardised.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrent {
    cell: Cell,
    units: usize,
    /// `W`, `[gate · unit, channel]`.
    input: DMatrix<f64>,
    /// `U`, `[gate · unit, unit]`.
    recurrent: DMatrix<f64>,
    /// Of `W x`.
    bias: Vec<f64>,
    /// Of `U h` of the candidate of a GRU.
    candidate_bias: Vec<f64>,
    /// `C`, `[channel, unit]`.
    readout: DMatrix<f64>,
    /// `d`.
    offset: Vec<f64>,
    /// `s`.
    step: Vec<f64>,
    scale: Scale,
    wash_out: usize,
}

impl Baseline for RecurrentConfig {
    fn fit(&self, samples: &Samples<'_>, fitting: &mut Fitting<'_>) -> Result<Fitted, FitError> {
        samples.require(self.window + 2, "window")?;
        let (model, step, error) = network::train(self, samples, fitting)?;
        let weights = [&model.input, &model.recurrent, &model.readout].map(|w| w.len());
        let biases = [&model.bias, &model.candidate_bias, &model.offset].map(Vec::len);
        let note = format!(
            "Recurrent network: the weights of step {step} of {} have the least error of free runs over {} samples, {error:.3e} of the variance.",
            self.steps, self.horizon
        );
        let parameters = weights.iter().chain(&biases).sum();
        Ok(Fitted { parameters, model: Box::new(model), notes: vec![note] })
    }
}

impl Recurrent {
    /// The numbers of the cell itself: `h`, and for an LSTM `c`.
    fn memory_size(&self) -> usize {
        match self.cell {
            Cell::Lstm => 2 * self.units,
            Cell::Gru => self.units,
        }
    }

    /// `W x + U h + b`, without `U h` for the candidate of a GRU, and that.
    fn gates(&self, memory: &[f64], x: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let n = self.units;
        let of = |w: &DMatrix<f64>, row: usize, v: &[f64]| -> f64 {
            v.iter().enumerate().map(|(k, v)| w[(row, k)] * v).sum()
        };
        let h = &memory[..n];
        let separate = if self.cell == Cell::Gru { 2 * n } else { 4 * n };
        let gate = |row: usize| {
            let past = if row < separate { of(&self.recurrent, row, h) } else { 0.0 };
            self.bias[row] + of(&self.input, row, x) + past
        };
        let gates = (0..self.bias.len()).map(gate).collect();
        let rows = separate..self.bias.len();
        let candidate = rows.map(|row| self.candidate_bias[row - separate] + of(&self.recurrent, row, h));
        (gates, candidate.collect())
    }

    /// Moves the cell by a standardised sample.
    fn drive(&self, memory: &[f64], x: &[f64], next: &mut [f64]) {
        let n = self.units;
        let (a, q) = self.gates(memory, x);
        for k in 0..n {
            match self.cell {
                Cell::Lstm => {
                    let (i, f, o) = (sigmoid(a[k]), sigmoid(a[n + k]), sigmoid(a[3 * n + k]));
                    next[n + k] = f * memory[n + k] + i * a[2 * n + k].tanh();
                    next[k] = o * next[n + k].tanh();
                }
                Cell::Gru => {
                    let (r, u) = (sigmoid(a[k]), sigmoid(a[n + k]));
                    next[k] = u * memory[k] + (1.0 - u) * (a[2 * n + k] + r * q[k]).tanh();
                }
            }
        }
    }

    /// Writes the next sample.
    fn read_out(&self, h: &[f64], x: &[f64], next: &mut [f64]) {
        for (c, next) in next.iter_mut().enumerate() {
            let sum = h.iter().enumerate().map(|(k, h)| self.readout[(c, k)] * h).sum::<f64>();
            *next = x[c] + self.step[c] * (sum + self.offset[c]);
        }
    }
}

fn sigmoid(a: f64) -> f64 {
    1.0 / (1.0 + (-a).exp())
}

impl StateSpaceModel for Recurrent {
    fn state_size(&self) -> usize {
        self.memory_size() + self.channels()
    }

    fn channels(&self) -> usize {
        self.step.len()
    }

    fn filter(&self, series: ArrayView2<'_, f64>) -> Array2<f64> {
        let m = self.memory_size();
        let mut states = Array2::zeros((series.nrows(), self.state_size()));
        let (mut memory, mut next, mut x) = (vec![0.0; m], vec![0.0; m], vec![0.0; self.channels()]);
        for (sample, mut state) in series.rows().into_iter().zip(states.rows_mut()) {
            self.scale.apply(sample.iter().copied(), &mut x);
            self.drive(&memory, &x, &mut next);
            std::mem::swap(&mut memory, &mut next);
            state.iter_mut().zip(memory.iter().chain(&x)).for_each(|(z, v)| *z = *v);
        }
        states
    }

    fn memory(&self) -> usize {
        self.wash_out
    }

    fn observe(&self, z: &[f64], x: &mut [f64]) {
        self.scale.undo(&z[self.memory_size()..], x);
    }

    fn next(&self, z: &[f64], next: &mut [f64]) {
        let (memory, x) = z.split_at(self.memory_size());
        let (next_memory, next_x) = next.split_at_mut(self.memory_size());
        self.read_out(&memory[..self.units], x, next_x);
        self.drive(memory, next_x, next_memory);
    }

    /// By the chain rule through the read-out and the gates.
    fn jacobian(&self, z: &[f64], j: &mut DMatrix<f64>) {
        let (n, m, d) = (self.units, self.memory_size(), self.channels());
        let mut next = vec![0.0; m + d];
        self.next(z, &mut next);
        let (a, q) = self.gates(&z[..m], &next[m..]);
        // `∂x'/∂z`, and `∂(W x')/∂z` of all gates.
        let mut sample = DMatrix::zeros(d, m + d);
        for c in 0..d {
            (0..n).for_each(|k| sample[(c, k)] = self.step[c] * self.readout[(c, k)]);
            sample[(c, m + c)] = 1.0;
        }
        let gates = &self.input * &sample;
        j.fill(0.0);
        j.rows_mut(m, d).copy_from(&sample);
        for k in 0..n {
            for col in 0..m + d {
                let past = |row: usize| if col < n { self.recurrent[(row, col)] } else { 0.0 };
                let slope = |gate: usize| gates[(gate * n + k, col)] + past(gate * n + k);
                let own = |place: usize| if col == place { 1.0 } else { 0.0 };
                match self.cell {
                    Cell::Lstm => {
                        let (i, f, o) = (sigmoid(a[k]), sigmoid(a[n + k]), sigmoid(a[3 * n + k]));
                        let (g, t) = (a[2 * n + k].tanh(), next[n + k].tanh());
                        let dc = f * own(n + k)
                            + z[n + k] * f * (1.0 - f) * slope(1)
                            + g * i * (1.0 - i) * slope(0)
                            + i * (1.0 - g * g) * slope(2);
                        j[(n + k, col)] = dc;
                        j[(k, col)] = t * o * (1.0 - o) * slope(3) + o * (1.0 - t * t) * dc;
                    }
                    Cell::Gru => {
                        let (r, u) = (sigmoid(a[k]), sigmoid(a[n + k]));
                        let candidate = (a[2 * n + k] + r * q[k]).tanh();
                        let inner =
                            gates[(2 * n + k, col)] + r * past(2 * n + k) + q[k] * r * (1.0 - r) * slope(0);
                        j[(k, col)] = u * own(k)
                            + (z[k] - candidate) * u * (1.0 - u) * slope(1)
                            + (1.0 - u) * (1.0 - candidate * candidate) * inner;
                    }
                }
            }
        }
    }
}
