//! A distance of two laws of paths that needs no training.

use burn::tensor::{Tensor, TensorData};

/// The energy distance `2 E|X − Y| − E|X − X'| − E|Y − Y'|` of paths `[path, time, channel]`, each seen as its samples and its increments,
/// these scaled to weigh as much, and `√n` times the mean of the energy distances of the samples at single times, per channel, in units
/// of their deviation in the data: zero if and only if the laws at the samples are the same. Whole paths, of `n` numbers, tell little of a
/// single marginal; the factor makes both parts of one size. Estimates are without bias; only `generated` is differentiated.
///
/// G. J. Székely, M. L. Rizzo, J. Statistical Planning and Inference 143 (2013) 1249-1272.
pub fn energy_distance(data: Tensor<3>, generated: Tensor<3>) -> Tensor<1> {
    let [_, times, channels] = data.dims();
    let steps =
        |paths: &Tensor<3>| paths.clone().narrow(1, 1, times - 1) - paths.clone().narrow(1, 0, times - 1);
    let rms = |x: Tensor<3>| x.powi_scalar(2).mean().into_scalar::<f64>().sqrt();
    let weight = rms(data.clone()) / rms(steps(&data)).max(1e-12);
    let features = |paths: Tensor<3>| {
        let rows = paths.dims()[0];
        let steps = steps(&paths).mul_scalar(weight);
        Tensor::cat(vec![paths, steps], 1).reshape([rows, (2 * times - 1) * channels])
    };
    let size = (((2 * times - 1) * channels) as f64).sqrt();
    let marginals = marginal_distance(&data, &generated).mul_scalar(size);
    let (x, y) = (features(data), features(generated));
    let square = |x: &Tensor<2>| x.clone().powi_scalar(2).sum_dim(1);
    let mean = |a: &Tensor<2>, b: &Tensor<2>, same: bool| {
        let squares =
            square(a) + square(b).transpose() - a.clone().matmul(b.clone().transpose()).mul_scalar(2.0);
        let [n, m] = squares.dims();
        squares.clamp_min(1e-6).sqrt().sum().div_scalar((n * (m - usize::from(same))) as f64)
    };
    marginals + mean(&x, &y, false).mul_scalar(2.0) - mean(&x, &x, true) - mean(&y, &y, true)
}

/// The mean over times and channels of the energy distances of single samples, each over their deviation in the data.
///
/// Of numbers on a line it is a sum of the values with weights that are made of their ranks: sorting takes the place of all pairs.
fn marginal_distance(data: &Tensor<3>, generated: &Tensor<3>) -> Tensor<1> {
    let [m, times, channels] = generated.dims();
    let lines = times * channels;
    let (xs, ys) = (sorted_lines(data), sorted_lines(generated));
    let mut weights = vec![0.0_f32; m * lines];
    let mut of_data = 0.0;
    for (line, (x, y)) in xs.iter().zip(&ys).enumerate() {
        let share = 1.0 / (lines as f64 * deviation(x).max(1e-12));
        for (rank, (value, path)) in y.iter().enumerate() {
            weights[path * lines + line] = (share * weight(*value, rank, y.len(), x)) as f32;
        }
        let sum = x.iter().enumerate().map(|(r, (v, _))| v * weight(*v, r, x.len(), y)).sum::<f64>();
        of_data += share * sum;
    }
    let like = (&generated.device(), generated.dtype());
    let weights = Tensor::<3>::from_data(TensorData::new(weights, [m, times, channels]), like);
    (generated.clone() * weights).sum().add_scalar(of_data)
}

/// A value and the path that it is of.
type Sample = (f64, usize);

/// The values of every time and channel in their order.
fn sorted_lines(paths: &Tensor<3>) -> Vec<Vec<Sample>> {
    let [rows, times, channels] = paths.dims();
    let values = paths.clone().into_data().convert::<f64>().try_to_vec::<f64>().unwrap_or_default();
    let lines = times * channels;
    let line = |l: usize| {
        let mut line: Vec<Sample> = (0..rows).map(|r| (values[r * lines + l], r)).collect();
        line.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        line
    };
    (0..lines).map(line).collect()
}

fn deviation(line: &[Sample]) -> f64 {
    let mean = line.iter().map(|(v, _)| v).sum::<f64>() / line.len() as f64;
    (line.iter().map(|(v, _)| (v - mean).powi(2)).sum::<f64>() / line.len() as f64).sqrt()
}

/// What a value counts in the distance: with `n` of its own kind, of which it has the given rank, and `m` others,
/// `2 (below − above)/(n m)` of the others less `2 (below − above)/(n (n − 1))` of its own.
fn weight(value: f64, rank: usize, n: usize, others: &[Sample]) -> f64 {
    let m = others.len();
    let below = others.partition_point(|(v, _)| *v < value);
    let above = m - others.partition_point(|(v, _)| *v <= value);
    let own = (2 * rank + 1) as f64 - n as f64;
    2.0 * (below as f64 - above as f64) / (n * m) as f64 - 2.0 * own / (n * (n - 1).max(1)) as f64
}
