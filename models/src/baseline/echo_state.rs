//! Echo-state networks: a fixed random reservoir, and a linear read-out that is fitted.

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::ridge::Normal;
use super::sparse::Sparse;
use super::{Baseline, FitError, Fitted, Fitting, Samples, Scale, free_run_error};
use crate::state_space::StateSpaceModel;

/// Free runs of each validation series that choose the ridge.
const STARTS: usize = 20;

/// `r ← (1 − a) r + a tanh(W r + V x + b)`, `x_{t+1} = C φ(r)`, with `C` by ridge regression on standardised channels and the
/// ridge that predicts the validation series best, freely over `horizon` samples.
///
/// `φ` has a one, and each unit or, of every second one, its square (J. Pathak et al., Phys. Rev. Lett. 120 (2018)
/// 024102). H. Jaeger, H. Haas, Science 304 (2004) 78-80.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EchoStateConfig {
    /// Units of the reservoir.
    pub units: usize,
    /// The largest modulus of the eigenvalues of `W`.
    pub spectral_radius: f64,
    /// Connections into a unit, on average.
    pub degree: f64,
    /// Entries of `V` lie between plus and minus this.
    pub input_scale: f64,
    /// Entries of `b` lie between plus and minus this.
    pub bias: f64,
    /// `a`: the share of the new in each step.
    pub leak: f64,
    /// Whether every second unit is squared for the read-out.
    pub quadratic: bool,
    /// Samples that bring the reservoir into step.
    pub wash_out: usize,
    /// The ridges to choose from, relative to units of variance one.
    pub ridge: Vec<f64>,
    /// Samples of a free run that chooses.
    pub horizon: usize,
}

impl Default for EchoStateConfig {
    fn default() -> Self {
        Self {
            units: 300,
            spectral_radius: 0.6,
            degree: 6.0,
            input_scale: 0.3,
            bias: 0.3,
            leak: 1.0,
            quadratic: true,
            wash_out: 100,
            ridge: vec![1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4],
            horizon: 100,
        }
    }
}

impl Validate for EchoStateConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("units", self.units, 1, 10_000);
        check.positive("spectral_radius", self.spectral_radius);
        check.within("degree", self.degree, 0.0, self.units as f64);
        check.positive("input_scale", self.input_scale);
        check.non_negative("bias", self.bias);
        check.within("leak", self.leak, 1e-3, 1.0);
        check.at_least("wash_out", self.wash_out, 1);
        check.at_least("horizon", self.horizon, 1);
        check.require(!self.ridge.is_empty(), "ridge", "no ridge", "give one or several, such as [1e-6]");
        self.ridge.iter().for_each(|r| check.non_negative("ridge", *r));
    }
}

/// The model of [`EchoStateConfig`]. Its state is the reservoir after the last sample, and that sample, standardised.
#[derive(Clone, Debug)]
pub struct EchoState {
    reservoir: Sparse,
    /// `V`, `[unit, channel]`.
    input: DMatrix<f64>,
    bias: Vec<f64>,
    leak: f64,
    quadratic: bool,
    /// `Cᵀ`, `[1 + unit, channel]`.
    readout: DMatrix<f64>,
    scale: Scale,
    wash_out: usize,
}

impl Baseline for EchoStateConfig {
    fn fit(&self, samples: &Samples<'_>, fitting: &mut Fitting<'_>) -> Result<Fitted, FitError> {
        samples.require(self.wash_out + 2, "wash_out")?;
        let (units, channels) = (self.units, samples.width());
        let rng = &mut *fitting.rng;
        let mut reservoir = Sparse::random(units, self.degree, rng);
        let radius = reservoir.spectral_radius(rng);
        if radius > 0.0 {
            reservoir.scale(self.spectral_radius / radius);
        }
        let mut uniform = |size: f64| size * (2.0 * rng.random::<f64>() - 1.0);
        let mut model = EchoState {
            reservoir,
            input: DMatrix::from_fn(units, channels, |_, _| uniform(self.input_scale)),
            bias: (0..units).map(|_| uniform(self.bias)).collect(),
            leak: self.leak,
            quadratic: self.quadratic,
            readout: DMatrix::zeros(1 + units, channels),
            scale: Scale::fit(&samples.train),
            wash_out: self.wash_out,
        };
        let normal = model.collect(&samples.train);
        let judges = samples.judges(self.wash_out + self.horizon + 2);
        let mut best: Option<(f64, f64, DMatrix<f64>)> = None;
        for (i, ridge) in self.ridge.iter().enumerate() {
            let Some(readout) = normal.solve(*ridge) else { continue };
            model.readout = readout;
            let error = free_run_error(&model, judges, self.horizon, STARTS, &model.scale);
            let better = best.as_ref().is_none_or(|(least, _, _)| error < *least);
            if better {
                best = Some((error, *ridge, model.readout.clone()));
            }
            if !(fitting.on_step)(i + 1, self.ridge.len(), error) {
                break;
            }
        }
        let (error, ridge, readout) = best.ok_or(FitError::Singular("ridge"))?;
        model.readout = readout;
        let note = format!(
            "Echo-state network: ridge {ridge:e} of {} has the least error of free runs over {} samples, {error:.3e} of the variance.",
            self.ridge.len(),
            self.horizon
        );
        Ok(Fitted { parameters: model.readout.len(), model: Box::new(model), notes: vec![note] })
    }
}

impl EchoState {
    fn units(&self) -> usize {
        self.bias.len()
    }

    /// Moves the reservoir by a standardised sample.
    fn drive(&self, r: &[f64], x: &[f64], next: &mut [f64]) {
        self.reservoir.multiply(r, next);
        for (i, next) in next.iter_mut().enumerate() {
            let input = x.iter().enumerate().map(|(c, x)| self.input[(i, c)] * x).sum::<f64>();
            *next = (1.0 - self.leak) * r[i] + self.leak * (*next + input + self.bias[i]).tanh();
        }
    }

    /// The entry of `φ` of a unit, and its derivative.
    fn feature(&self, unit: usize, r: f64) -> (f64, f64) {
        if self.quadratic && unit % 2 == 1 { (r * r, 2.0 * r) } else { (r, 1.0) }
    }

    /// Writes `C φ(r)`.
    fn read_out(&self, r: &[f64], x: &mut [f64]) {
        for (c, x) in x.iter_mut().enumerate() {
            let weights = self.readout.column(c);
            let units = r.iter().enumerate().map(|(i, r)| weights[i + 1] * self.feature(i, *r).0);
            *x = weights[0] + units.sum::<f64>();
        }
    }

    /// The normal equations of all pairs of a driven reservoir and the sample after.
    fn collect(&self, series: &[ArrayView2<'_, f64>]) -> Normal {
        let mut normal = Normal::new(1 + self.units(), self.scale.mean.len());
        for series in series.iter().filter(|s| s.nrows() > self.wash_out) {
            let states = self.filter(*series);
            for t in self.wash_out..series.nrows() - 1 {
                normal.push(|features, target| {
                    features[0] = 1.0;
                    for i in 0..self.units() {
                        features[i + 1] = self.feature(i, states[[t, i]]).0;
                    }
                    self.scale.apply(series.row(t + 1).iter().copied(), target);
                });
            }
        }
        normal.flush();
        normal
    }
}

impl StateSpaceModel for EchoState {
    fn state_size(&self) -> usize {
        self.units() + self.channels()
    }

    fn channels(&self) -> usize {
        self.scale.mean.len()
    }

    fn filter(&self, series: ArrayView2<'_, f64>) -> Array2<f64> {
        let units = self.units();
        let mut states = Array2::zeros((series.nrows(), self.state_size()));
        let (mut r, mut next) = (vec![0.0; units], vec![0.0; units]);
        let mut x = vec![0.0; self.channels()];
        for (sample, mut state) in series.rows().into_iter().zip(states.rows_mut()) {
            self.scale.apply(sample.iter().copied(), &mut x);
            self.drive(&r, &x, &mut next);
            std::mem::swap(&mut r, &mut next);
            state.iter_mut().zip(r.iter().chain(&x)).for_each(|(z, v)| *z = *v);
        }
        states
    }

    fn memory(&self) -> usize {
        self.wash_out
    }

    fn observe(&self, z: &[f64], x: &mut [f64]) {
        self.scale.undo(&z[self.units()..], x);
    }

    fn next(&self, z: &[f64], next: &mut [f64]) {
        let (r, _) = z.split_at(self.units());
        let (next_r, x) = next.split_at_mut(self.units());
        self.read_out(r, x);
        self.drive(r, x, next_r);
    }

    /// `∂x'/∂r = C φ'`, `∂r'/∂r = (1 − a) + a (1 − tanh²)(W + V ∂x'/∂r)`; nothing depends on the last sample.
    fn jacobian(&self, z: &[f64], j: &mut DMatrix<f64>) {
        let (units, channels) = (self.units(), self.channels());
        let mut next = vec![0.0; self.state_size()];
        self.next(z, &mut next);
        let read_out =
            DMatrix::from_fn(channels, units, |c, i| self.readout[(i + 1, c)] * self.feature(i, z[i]).1);
        let slope: Vec<f64> = (0..units)
            .map(|i| self.leak * (1.0 - ((next[i] - (1.0 - self.leak) * z[i]) / self.leak).powi(2)))
            .collect();
        j.fill(0.0);
        j.view_mut((0, 0), (units, units)).gemm(1.0, &self.input, &read_out, 0.0);
        self.reservoir.each(|i, k, w| j[(i, k)] += w);
        for k in 0..units {
            for i in 0..units {
                j[(i, k)] *= slope[i];
            }
            j[(k, k)] += 1.0 - self.leak;
        }
        j.view_mut((units, 0), (channels, units)).copy_from(&read_out);
    }
}
