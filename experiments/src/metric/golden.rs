//! Series and models of the tests; `tests/golden/measures.py` makes the same series.

use flowmap_models::state_space::StateSpaceModel;
use ndarray::{Array2, ArrayD, ArrayView2};

/// `p = u + cos(1.3 i)/10` and `u = 1/5 + sin(0.37 i)` at the entries `i` from one on.
pub(super) fn waves(shape: &[usize]) -> (ArrayD<f64>, ArrayD<f64>) {
    let count = shape.iter().product::<usize>();
    let make = |of: &dyn Fn(f64) -> f64| {
        let values = (1..=count).map(|i| of(i as f64)).collect();
        ArrayD::from_shape_vec(shape, values).unwrap_or_default()
    };
    let u = |i: f64| 0.2 + (0.37 * i).sin();
    (make(&|i| u(i) + 0.1 * (1.3 * i).cos()), make(&u))
}

/// `x' = r x (1 − x)`, channel `c` being `c` steps ahead: `[time, channel]`.
pub(super) fn logistic_delays(r: f64, x0: f64, samples: usize, channels: usize) -> Array2<f64> {
    let orbit: Vec<f64> =
        std::iter::successors(Some(x0), |x| Some(r * x * (1.0 - x))).take(samples + channels).collect();
    Array2::from_shape_fn((samples, channels), |(t, c)| orbit[t + c])
}

/// The Hénon map from `(0.1, 0.1)`, its first 100 steps left out.
pub(super) fn henon(samples: usize) -> Array2<f64> {
    let (mut x, mut y) = (0.1, 0.1);
    let mut out = Array2::zeros((samples, 2));
    for t in 0..samples + 100 {
        (x, y) = (1.0 - 1.4 * x * x + y, 0.3 * x);
        if t >= 100 {
            (out[[t - 100, 0]], out[[t - 100, 1]]) = (x, y);
        }
    }
    out
}

/// The Lorenz system at steps of 0.02, by the classical Runge-Kutta method with steps of 0.01, on its attractor.
pub(super) fn lorenz(samples: usize) -> Array2<f64> {
    let f = |[x, y, z]: [f64; 3]| [10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z];
    let along = |u: [f64; 3], h: f64, k: [f64; 3]| std::array::from_fn(|i| u[i] + h * k[i]);
    let mut u = [1.0; 3];
    let mut out = Array2::zeros((samples, 3));
    for step in 0..2 * (samples + 1000) {
        if step >= 2000 && step % 2 == 0 {
            out.row_mut(step / 2 - 1000).iter_mut().zip(u).for_each(|(o, u)| *o = u);
        }
        let h = 0.01;
        let k1 = f(u);
        let k2 = f(along(u, h / 2.0, k1));
        let k3 = f(along(u, h / 2.0, k2));
        let k4 = f(along(u, h, k3));
        u = std::array::from_fn(|i| u[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
    }
    out
}

/// `z' = factor·z` on each channel, observed as it is.
pub(super) struct Linear {
    pub(super) channels: usize,
    pub(super) factor: f64,
    pub(super) memory: usize,
}

impl StateSpaceModel for Linear {
    fn state_size(&self) -> usize {
        self.channels
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn filter(&self, series: ArrayView2<'_, f64>) -> Array2<f64> {
        series.to_owned()
    }

    fn memory(&self) -> usize {
        self.memory
    }

    fn observe(&self, z: &[f64], x: &mut [f64]) {
        x.copy_from_slice(z);
    }

    fn next(&self, z: &[f64], next: &mut [f64]) {
        next.iter_mut().zip(z).for_each(|(n, z)| *n = self.factor * z);
    }
}
