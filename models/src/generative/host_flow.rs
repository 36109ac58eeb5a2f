//! The field of a continuous flow with its density on the host, in `f32`, and its product with a cotangent by hand.

use std::f64::consts::TAU;

use burn::tensor::{Device, Tensor, TensorData};
use flowmap_solvers::control::Control;
use flowmap_solvers::field::VectorField;
use flowmap_solvers::gradient::{Adjoint, Gradient, Loss};
use flowmap_solvers::increment::{Ordinary, VectorJacobian};
use flowmap_solvers::solve::SolveOptions;
use flowmap_solvers::state::State;
use flowmap_solvers::stepper::explicit_rk::{RK4, RungeKutta};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use pulp::Arch;
use rayon::prelude::*;

use super::network::{TimeLayer, TimeNetwork};
use crate::fused::gelu::exp_negative;

/// Points and the logarithm of the density that moves with them: `[row, coordinate + 1]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cloud(pub(super) Array2<f32>);

impl State for Cloud {
    fn zeros_like(&self) -> Self {
        Self(Array2::zeros(self.0.raw_dim()))
    }

    fn assign(&mut self, x: &Self) {
        self.0.assign(&x.0);
    }

    fn scale(&mut self, a: f64) {
        self.0 *= a as f32;
    }

    fn axpy(&mut self, a: f64, x: &Self) {
        self.0.scaled_add(a as f32, &x.0);
    }

    fn error_norm(error: &Self, y0: &Self, y1: &Self, atol: f64, rtol: f64) -> f64 {
        let entries = error.0.iter().zip(&y0.0).zip(&y1.0);
        let sum = entries
            .map(|((e, a), b)| (f64::from(*e) / (atol + rtol * f64::from(a.abs().max(b.abs())))).powi(2));
        (sum.sum::<f64>() / error.0.len().max(1) as f64).sqrt()
    }

    fn rms(&self) -> f64 {
        (self.dot(self) / self.0.len().max(1) as f64).sqrt()
    }

    fn is_finite(&self) -> bool {
        self.0.iter().all(|v| v.is_finite())
    }

    fn dot(&self, other: &Self) -> f64 {
        self.0.iter().zip(&other.0).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    fn bytes(&self) -> usize {
        size_of::<f32>() * self.0.len()
    }

    fn write_entries(&self, out: &mut Vec<f64>) {
        out.extend(self.0.iter().map(|v| f64::from(*v)));
    }

    fn read_entries(&mut self, entries: &mut &[f64]) -> bool {
        let Some((own, rest)) = entries.split_at_checked(self.0.len()) else { return false };
        self.0.iter_mut().zip(own).for_each(|(v, entry)| *v = *entry as f32);
        *entries = rest;
        true
    }
}

/// The weights of a layer, or their gradients.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// `[in, out]`.
    pub(super) weight: Array2<f32>,
    /// `U` of the time alone, `[out]`.
    pub(super) time: Array1<f32>,
    /// `[out]`.
    pub(super) bias: Array1<f32>,
}

/// `(v, −tr ∂v/∂x)` of a network with `tanh` that sees the time itself, for all rows at once.
///
/// The points and the directions of the trace pass through the network as one stack of rows, one product of matrices a
/// layer: with `a = h W + t u + b`, `h' = tanh a`, `s = 1 − h'²`, a direction `p` becomes `p' = s ⊙ p W`.
pub(super) struct HostFlow {
    layers: Vec<Layer>,
    rows: usize,
    /// The direction of every row, or none: then one for each coordinate.
    probe: Option<Array2<f32>>,
    /// The stacks before the first layer and after each, `[(1 + direction) · row, unit]`.
    stacks: Vec<Array2<f32>>,
    /// `p W` of the hidden layers, `[direction · row, unit]`.
    slants: Vec<Array2<f32>>,
    /// Cotangents of the stacks.
    bars: Vec<Array2<f32>>,
}

impl Layer {
    pub(super) fn weight(&self, device: &Device) -> Tensor<2> {
        let values: Vec<f32> = self.weight.iter().copied().collect();
        Tensor::from_data(TensorData::new(values, [self.weight.nrows(), self.weight.ncols()]), device)
    }

    pub(super) fn time(&self, device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(self.time.to_vec(), [1, self.time.len()]), device)
    }

    pub(super) fn bias(&self, device: &Device) -> Tensor<1> {
        Tensor::from_data(TensorData::new(self.bias.to_vec(), [self.bias.len()]), device)
    }

    fn add(&mut self, other: &Self) {
        self.weight += &other.weight;
        self.time += &other.time;
        self.bias += &other.bias;
    }
}

/// The weights of a network on the host.
fn weights(network: &TimeNetwork) -> Vec<Layer> {
    let layer = |layer: &TimeLayer| {
        let [n, m] = layer.weight.dims();
        Layer {
            weight: Array2::from_shape_vec((n, m), read(layer.weight.val())).unwrap_or_default(),
            time: read(layer.time.val()).into(),
            bias: read(layer.bias.val()).into(),
        }
    };
    network.layers.iter().map(layer).collect()
}

/// Rows that one task takes; fixed, so that sums do not depend on the number of threads.
const BLOCK: usize = 128;

/// The mean of `−log p` over points `[row, coordinate]`, carried by `steps` steps of the classical Runge-Kutta method from the data
/// at `t = 1` to the noise at `t = 0`, and its gradients by the weights; none if it is not finite.
pub(super) fn likelihood_gradients(
    network: &TimeNetwork,
    x: Tensor<2>,
    probe: Option<Tensor<2>>,
    steps: usize,
) -> Option<(f64, Vec<Layer>)> {
    let [rows, d] = x.dims();
    let array = |x: Tensor<2>| Array2::from_shape_vec((rows, d), read(x)).ok();
    let x = array(x)?;
    let probe = match probe {
        Some(probe) => Some(array(probe)?),
        None => None,
    };
    let layers = weights(network);
    let block = |first: usize| {
        let part = s![first..(first + BLOCK).min(rows), ..];
        let x = x.slice(part);
        let mut start = Array2::zeros((x.nrows(), d + 1));
        start.slice_mut(s![.., ..d]).assign(&x);
        let field = HostFlow::new(&layers, x.nrows(), probe.as_ref().map(|p| p.slice(part).to_owned()));
        let mut options = SolveOptions::new(1.0, 0.0, Control::Fixed { dt: 1.0 / steps as f64 });
        let scheme = RungeKutta::new(&RK4);
        let found = Adjoint::new(Gradient::default()).differentiate(
            scheme,
            Ordinary(field),
            &Cloud(start),
            &mut options,
            |solution| loss(&solution.ys, rows),
        );
        found.ok().map(|f| (f.value, f.parameters))
    };
    let blocks: Vec<_> = (0..rows).step_by(BLOCK).collect();
    let found: Vec<Option<(f64, Vec<Layer>)>> = blocks.into_par_iter().map(block).collect();
    let mut sum: Option<(f64, Vec<Layer>)> = None;
    for part in found {
        let (value, layers) = part?;
        match &mut sum {
            Some((total, all)) => {
                *total += value;
                all.iter_mut().zip(&layers).for_each(|(a, b)| a.add(b));
            }
            None => sum = Some((value, layers)),
        }
    }
    sum.filter(|(value, _)| value.is_finite())
}

/// `Σ (|z|²/2 + ℓ)/n` over the rows at the end, with the constant of the normal density, and its derivative.
fn loss(ends: &[Cloud], rows: usize) -> Loss<Cloud> {
    let Some(end) = ends.last() else { return Loss::new(f64::NAN, Vec::new()) };
    let d = end.0.ncols() - 1;
    let n = rows as f64;
    let constant = 0.5 * d as f64 * TAU.ln();
    let value = end.0.rows().into_iter().map(|row| {
        let square: f64 = row.iter().take(d).map(|z| f64::from(*z).powi(2)).sum();
        (0.5 * square + f64::from(row[d]) + constant) / n
    });
    let value = value.sum();
    let mut bar = end.clone();
    bar.0.column_mut(d).fill(1.0);
    bar.scale(1.0 / n);
    Loss::new(
        value,
        ends.iter()
            .enumerate()
            .map(|(i, y)| if i + 1 == ends.len() { bar.clone() } else { y.zeros_like() })
            .collect(),
    )
}

impl HostFlow {
    /// The field of a network for so many rows.
    fn new(layers: &[Layer], rows: usize, probe: Option<Array2<f32>>) -> Self {
        let coordinates = layers.first().map_or(0, |l| l.weight.nrows());
        let directions = if probe.is_some() { 1 } else { coordinates };
        let units: Vec<usize> =
            std::iter::once(coordinates).chain(layers.iter().map(|l| l.weight.ncols())).collect();
        let stack = |n: &usize| Array2::zeros(((1 + directions) * rows, *n));
        let hidden = &units[1..units.len() - 1];
        Self {
            stacks: units.iter().map(stack).collect(),
            bars: units.iter().map(stack).collect(),
            slants: hidden.iter().map(|n| Array2::zeros((directions * rows, *n))).collect(),
            layers: layers.to_vec(),
            rows,
            probe,
        }
    }

    fn coordinates(&self) -> usize {
        self.stacks[0].ncols()
    }

    /// Brings the stacks to the points `y` at time `t`.
    fn forward(&mut self, t: f64, y: &Cloud) {
        let (rows, d) = (self.rows, self.coordinates());
        let first = &mut self.stacks[0];
        first.slice_mut(s![..rows, ..]).assign(&y.0.slice(s![.., ..d]));
        match &self.probe {
            Some(probe) => first.slice_mut(s![rows.., ..]).assign(probe),
            None => (0..d).for_each(|k| {
                let mut block = first.slice_mut(s![(1 + k) * rows..(2 + k) * rows, ..]);
                block.fill(0.0);
                block.column_mut(k).fill(1.0);
            }),
        }
        let last = self.layers.len() - 1;
        for (l, layer) in self.layers.iter().enumerate() {
            let (before, after) = self.stacks.split_at_mut(l + 1);
            let (h, a) = (&before[l], &mut after[0]);
            general_mat_mul(1.0, h, &layer.weight, 0.0, a);
            let shift: Vec<f32> = layer.time.iter().zip(&layer.bias).map(|(u, b)| t as f32 * u + b).collect();
            let (points, directions) = contiguous(a).split_at_mut(rows * shift.len());
            if l == last {
                points.chunks_exact_mut(shift.len()).for_each(|row| add(row, &shift));
            } else {
                let slants = contiguous(&mut self.slants[l]);
                Arch::new().dispatch(|| activate(points, directions, slants, &shift));
            }
        }
    }

    /// The pairs of the trace: row of the stack of outputs, coordinate, factor.
    fn traces(&self) -> impl Fn(usize, usize) -> f32 + use<> {
        let probe = self.probe.clone();
        move |row, coordinate| probe.as_ref().map_or(1.0, |p| p[[row, coordinate]])
    }
}

fn read<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().convert::<f32>().try_to_vec::<f32>().unwrap_or_default()
}

/// The entries of an array that was made in standard layout.
fn contiguous(a: &mut Array2<f32>) -> &mut [f32] {
    a.as_slice_mut().unwrap_or_default()
}

fn add(row: &mut [f32], shift: &[f32]) {
    row.iter_mut().zip(shift).for_each(|(r, s)| *r += s);
}

/// `tanh x`, absolute error below 2e-7, without a branch.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    let e = exp_negative(-2.0 * x.abs());
    ((1.0 - e) / (1.0 + e)).copysign(x)
}

/// `h = tanh(a + shift)` of the points, `q = p W` kept and `p ← (1 − h²) q` of the directions.
#[inline(always)]
fn activate(points: &mut [f32], directions: &mut [f32], slants: &mut [f32], shift: &[f32]) {
    for row in points.chunks_exact_mut(shift.len()) {
        for (h, s) in row.iter_mut().zip(shift) {
            *h = tanh(*h + s);
        }
    }
    slants.copy_from_slice(directions);
    for block in directions.chunks_exact_mut(points.len()) {
        for (p, h) in block.iter_mut().zip(&*points) {
            *p *= 1.0 - h * h;
        }
    }
}

/// The cotangents before an activation from those after it: `q̄ = s p̄`, `ā = s (h̄ − 2 h Σ p̄ q)`.
#[inline(always)]
fn deactivate(points: &[f32], slants: &[f32], point_bars: &mut [f32], direction_bars: &mut [f32]) {
    let n = points.len();
    for (bars, slants) in direction_bars.chunks_exact_mut(n).zip(slants.chunks_exact(n)) {
        for (((bar, q), h), point_bar) in bars.iter_mut().zip(slants).zip(points).zip(&mut *point_bars) {
            *point_bar -= 2.0 * h * *bar * q;
            *bar *= 1.0 - h * h;
        }
    }
    for (bar, h) in point_bars.iter_mut().zip(points) {
        *bar *= 1.0 - h * h;
    }
}

impl VectorField<Cloud> for HostFlow {
    fn eval(&mut self, t: f64, y: &Cloud, dy: &mut Cloud) {
        self.forward(t, y);
        let (rows, d) = (self.rows, self.coordinates());
        let Some(out) = self.stacks.last() else { return };
        dy.0.slice_mut(s![.., ..d]).assign(&out.slice(s![..rows, ..]));
        let factor = self.traces();
        for (i, mut row) in dy.0.rows_mut().into_iter().enumerate() {
            let trace: f32 = match self.probe {
                Some(_) => (0..d).map(|c| factor(i, c) * out[[rows + i, c]]).sum(),
                None => (0..d).map(|c| out[[(1 + c) * rows + i, c]]).sum(),
            };
            row[d] = -trace;
        }
    }
}

impl VectorJacobian<Cloud> for HostFlow {
    type Gradient = Vec<Layer>;

    fn zero_gradient(&self) -> Vec<Layer> {
        let zero = |l: &Layer| Layer {
            weight: Array2::zeros(l.weight.raw_dim()),
            time: Array1::zeros(l.time.raw_dim()),
            bias: Array1::zeros(l.bias.raw_dim()),
        };
        self.layers.iter().map(zero).collect()
    }

    fn vector_jacobian(
        &mut self,
        t: f64,
        y: &Cloud,
        v: &Cloud,
        scale: f64,
        y_bar: &mut Cloud,
        gradient: &mut Vec<Layer>,
    ) {
        self.forward(t, y);
        let (rows, d, depth) = (self.rows, self.coordinates(), self.layers.len());
        let factor = self.traces();
        let scale = scale as f32;
        let bar = &mut self.bars[depth];
        bar.fill(0.0);
        for (i, v) in v.0.rows().into_iter().enumerate() {
            for c in 0..d {
                bar[[i, c]] = scale * v[c];
                let row = if self.probe.is_some() { rows + i } else { (1 + c) * rows + i };
                bar[[row, c]] = -scale * v[d] * factor(i, c);
            }
        }
        for l in (0..depth).rev() {
            let (before, after) = self.bars.split_at_mut(l + 1);
            let (into, bar) = (&mut before[l], &mut after[0]);
            if l + 1 < depth {
                let cut = rows * bar.ncols();
                let (points, directions) = contiguous(bar).split_at_mut(cut);
                let values = &self.stacks[l + 1].as_slice().unwrap_or_default()[..cut];
                let slants = self.slants[l].as_slice().unwrap_or_default();
                Arch::new().dispatch(|| deactivate(values, slants, points, directions));
            }
            let (layer, gradient) = (&self.layers[l], &mut gradient[l]);
            general_mat_mul(1.0, &self.stacks[l].t(), bar, 1.0, &mut gradient.weight);
            let shift: ArrayView2<'_, f32> = bar.slice(s![..rows, ..]);
            let shift = shift.sum_axis(Axis(0));
            gradient.bias += &shift;
            gradient.time.scaled_add(t as f32, &shift);
            general_mat_mul(1.0, bar, &layer.weight.t(), 0.0, into);
        }
        let points = self.bars[0].slice(s![..rows, ..]);
        y_bar.0.slice_mut(s![.., ..d]).scaled_add(1.0, &points);
    }
}
