//! The network on tensors, and its training.

use burn::module::{Module, Param};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use nalgebra::DMatrix;
use rand::{Rng, RngExt};

use super::{Cell, Recurrent, RecurrentConfig};
use crate::baseline::{FitError, Fitting, Samples, Scale, free_run_error};

/// How often in a training the weights are judged.
const JUDGEMENTS: usize = 12;
/// Free runs of each validation series.
const STARTS: usize = 20;

#[derive(Module, Debug)]
struct Network {
    /// `[channel, gate · unit]`.
    input: Param<Tensor<2>>,
    /// `[unit, gate · unit]`.
    recurrent: Param<Tensor<2>>,
    /// `[1, gate · unit]`.
    bias: Param<Tensor<2>>,
    /// `[1, unit]`, used by a GRU.
    candidate_bias: Param<Tensor<2>>,
    /// `[unit, channel]`.
    readout: Param<Tensor<2>>,
    /// `[1, channel]`.
    offset: Param<Tensor<2>>,
}

impl Network {
    fn new(config: &RecurrentConfig, channels: usize, rng: &mut dyn Rng, device: &Device) -> Self {
        let (n, gates) = (config.units, config.cell.gates());
        let size = 1.0 / (n as f64).sqrt();
        let mut uniform = |rows: usize, columns: usize| {
            let values: Vec<_> =
                (0..rows * columns).map(|_| (size * (2.0 * rng.random::<f64>() - 1.0)) as f32).collect();
            Param::from_tensor(Tensor::from_data(TensorData::new(values, [rows, columns]), device))
        };
        // A memory that is open at the start is learned sooner.
        let open = |k: usize| if config.cell == Cell::Lstm && k / n == 1 { 1.0_f32 } else { 0.0 };
        let bias: Vec<f32> = (0..gates * n).map(open).collect();
        Self {
            input: uniform(channels, gates * n),
            recurrent: uniform(n, gates * n),
            bias: Param::from_tensor(Tensor::from_data(TensorData::new(bias, [1, gates * n]), device)),
            candidate_bias: Param::from_tensor(Tensor::zeros([1, n], device)),
            readout: uniform(n, channels),
            offset: Param::from_tensor(Tensor::zeros([1, channels], device)),
        }
    }

    /// From samples `[time · batch, channel]` to increments over their deviation, in the same form.
    fn forward(&self, x: Tensor<2>, cell: Cell, batch: usize) -> Tensor<2> {
        let [rows, _] = x.dims();
        let [n, _] = self.recurrent.dims();
        let device = x.device();
        // What does not wait for the past is one product for all times.
        let driven = x.matmul(self.input.val()) + self.bias.val();
        let mut h = Tensor::<2>::zeros([batch, n], &device);
        let mut c = h.clone();
        let mut states = Vec::with_capacity(rows / batch);
        for driven in driven.split(batch, 0) {
            let past = h.clone().matmul(self.recurrent.val());
            match cell {
                Cell::Lstm => {
                    let a = driven + past;
                    let [i, f, o] = [0, 1, 3].map(|g| sigmoid(a.clone().narrow(1, g * n, n)));
                    c = f * c + i * a.narrow(1, 2 * n, n).tanh();
                    h = o * c.clone().tanh();
                }
                Cell::Gru => {
                    let both = sigmoid(driven.clone().narrow(1, 0, 2 * n) + past.clone().narrow(1, 0, 2 * n));
                    let (r, u) = (both.clone().narrow(1, 0, n), both.narrow(1, n, n));
                    let q = past.narrow(1, 2 * n, n) + self.candidate_bias.val();
                    let candidate = (driven.narrow(1, 2 * n, n) + r * q).tanh();
                    h = candidate.clone() + u * (h - candidate);
                }
            }
            states.push(h.clone());
        }
        Tensor::cat(states, 0).matmul(self.readout.val()) + self.offset.val()
    }

    /// The weights in `f64` on the host.
    fn export(&self, like: &Recurrent) -> Recurrent {
        let host = |w: &Param<Tensor<2>>| {
            let [rows, columns] = w.dims();
            let values = w.val().into_data().convert::<f32>().try_to_vec::<f32>().unwrap_or_default();
            DMatrix::from_fn(columns, rows, |i, k| f64::from(values[k * columns + i]))
        };
        let list = |w: &Param<Tensor<2>>| host(w).iter().copied().collect::<Vec<_>>();
        Recurrent {
            input: host(&self.input),
            recurrent: host(&self.recurrent),
            bias: list(&self.bias),
            candidate_bias: if like.cell == Cell::Gru { list(&self.candidate_bias) } else { Vec::new() },
            readout: host(&self.readout),
            offset: list(&self.offset),
            ..like.clone()
        }
    }
}

/// Trains; returns the best model, its step, and its error.
pub(super) fn train(
    config: &RecurrentConfig,
    samples: &Samples<'_>,
    fitting: &mut Fitting<'_>,
) -> Result<(Recurrent, usize, f64), FitError> {
    let channels = samples.width();
    let scale = Scale::fit(&samples.train);
    let series: Vec<Vec<f32>> = samples
        .train
        .iter()
        .filter(|s| s.nrows() > config.window)
        .map(|s| {
            let mut out = vec![0.0; channels];
            let scaled = s.rows().into_iter().flat_map(|row| {
                scale.apply(row.iter().copied(), &mut out);
                out.iter().map(|v| *v as f32).collect::<Vec<_>>()
            });
            scaled.collect()
        })
        .collect();
    let step = increments(&series, channels);
    let empty = DMatrix::zeros(0, 0);
    let like = Recurrent {
        cell: config.cell,
        units: config.units,
        input: empty.clone(),
        recurrent: empty.clone(),
        bias: Vec::new(),
        candidate_bias: Vec::new(),
        readout: empty,
        offset: Vec::new(),
        step: step.clone(),
        scale,
        wash_out: config.wash_out,
    };
    let device = fitting.device.clone().autodiff();
    let mut network = Network::new(config, channels, fitting.rng, &device);
    let mut optimiser = AdamConfig::new().with_epsilon(1e-8).init();
    let judges = samples.judges(config.wash_out + config.horizon + 2);
    let mut best: Option<(Recurrent, usize, f64)> = None;
    for i in 0..config.steps {
        let (x, increments) = windows(config, &series, &step, fitting.rng);
        let rows = config.window * config.batch;
        let tensor = |v: Vec<f32>| Tensor::<2>::from_data(TensorData::new(v, [rows, channels]), &device);
        let judged = config.wash_out * config.batch;
        let out = network.forward(tensor(x), config.cell, config.batch).narrow(0, judged, rows - judged);
        let target = tensor(increments).narrow(0, judged, rows - judged);
        let loss = (out - target).powi_scalar(2).mean();
        let value = loss.clone().into_scalar::<f64>();
        let rate = config.rate
            * (1e-3 + 0.5 * (1.0 + (std::f64::consts::PI * i as f64 / config.steps as f64).cos()));
        if !value.is_finite() {
            return Err(FitError::NotFinite { step: i, rate });
        }
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimiser.step(rate, network, gradients);
        let goes_on = (fitting.on_step)(i + 1, config.steps, value);
        let last = i + 1 == config.steps || !goes_on;
        if last || (i + 1).is_multiple_of(config.steps.div_ceil(JUDGEMENTS)) {
            let model = network.export(&like);
            let error = free_run_error(&model, judges, config.horizon, STARTS, &model.scale);
            if best.as_ref().is_none_or(|(_, _, least)| error < *least) {
                best = Some((model, i + 1, error));
            }
        }
        if last {
            break;
        }
    }
    best.ok_or(FitError::NotFinite { step: 0, rate: config.rate })
}

/// The standard deviation of the increments of each channel.
fn increments(series: &[Vec<f32>], channels: usize) -> Vec<f64> {
    let of = |c: usize| {
        let (mut sum, mut count) = (0.0, 0.0);
        for series in series {
            for (a, b) in series.iter().zip(&series[channels..]).skip(c).step_by(channels) {
                sum += f64::from(b - a).powi(2);
                count += 1.0;
            }
        }
        (sum / f64::max(count, 1.0)).sqrt().max(f64::from(f32::EPSILON))
    };
    (0..channels).map(of).collect()
}

/// Random windows as `[time, batch, channel]`, and the increments after each sample.
fn windows(
    config: &RecurrentConfig,
    series: &[Vec<f32>],
    step: &[f64],
    rng: &mut dyn Rng,
) -> (Vec<f32>, Vec<f32>) {
    let (batch, channels) = (config.batch, step.len());
    let starts: Vec<(usize, usize)> = (0..batch)
        .map(|_| {
            let which = rng.random_range(0..series.len());
            (which, rng.random_range(0..series[which].len() / channels - config.window))
        })
        .collect();
    let mut x = Vec::with_capacity(config.window * batch * channels);
    let mut after = Vec::with_capacity(x.capacity());
    for t in 0..config.window {
        for (which, start) in &starts {
            let at = (start + t) * channels;
            let sample = &series[*which][at..at + 2 * channels];
            x.extend(&sample[..channels]);
            after.extend((0..channels).map(|c| (sample[channels + c] - sample[c]) / step[c] as f32));
        }
    }
    (x, after)
}
