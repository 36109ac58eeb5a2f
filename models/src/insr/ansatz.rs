//! `u = D(x) N(x)`: a network, and a factor that is zero on walls.

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::Axis;
use crate::jet::{Directions, MAX_ORDER, Mlp, Tape};

/// A network with one output, times `D(x) = Π 4 s(1 − s)`, `s` from 0 to 1 between the walls of an axis.
#[derive(Clone, Debug)]
pub(super) struct Ansatz {
    pub(super) network: Mlp,
    pub(super) axes: Vec<Axis>,
}

/// The jets of `u` at points, and what the way back to the weights needs.
pub(super) struct Jets {
    tape: Tape,
    /// `[sample, component]`.
    pub(super) values: Array2<f64>,
}

/// `k!/(j! (k − j)!)`.
const BINOMIAL: [[f64; MAX_ORDER + 1]; MAX_ORDER + 1] = [
    [1.0, 0.0, 0.0, 0.0, 0.0],
    [1.0, 1.0, 0.0, 0.0, 0.0],
    [1.0, 2.0, 1.0, 0.0, 0.0],
    [1.0, 3.0, 3.0, 1.0, 0.0],
    [1.0, 4.0, 6.0, 4.0, 1.0],
];

const FACTORIAL: [f64; MAX_ORDER + 1] = [1.0, 1.0, 2.0, 6.0, 24.0];

impl Ansatz {
    pub(super) fn jets(&self, theta: &[f64], points: ArrayView2<'_, f64>, directions: &Directions) -> Jets {
        let tape = self.network.jet(theta, points, directions);
        let samples = points.nrows();
        let mut values = Array2::zeros((samples, directions.components()));
        for c in 0..directions.components() {
            values.column_mut(c).assign(&tape.component(c).column(0));
        }
        if self.walled() {
            for (x, mut row) in points.rows().into_iter().zip(values.rows_mut()) {
                let inner: Vec<f64> = row.to_vec();
                self.visit(x, directions, |to, from, weight, first| {
                    if first {
                        row[to] = 0.0;
                    }
                    row[to] += weight * inner[from];
                });
            }
        }
        Jets { tape, values }
    }

    /// The derivatives `[row, weight]` of one number a sample, from its derivatives `[sample, component]` with respect to the jet
    /// of `u`.
    pub(super) fn seeds(
        &self,
        points: ArrayView2<'_, f64>,
        directions: &Directions,
        slopes: &Array2<f64>,
    ) -> Array2<f64> {
        let (samples, components) = slopes.dim();
        let mut seeds = Array2::zeros((components * samples, 1));
        for (n, (x, row)) in points.rows().into_iter().zip(slopes.rows()).enumerate() {
            if self.walled() {
                self.visit(x, directions, |to, from, weight, _| {
                    seeds[[from * samples + n, 0]] += weight * row[to];
                });
            } else {
                row.iter().enumerate().for_each(|(c, s)| seeds[[c * samples + n, 0]] = *s);
            }
        }
        seeds
    }

    pub(super) fn tape(jets: &Jets) -> &Tape {
        &jets.tape
    }

    fn walled(&self) -> bool {
        self.axes.iter().any(|a| !a.periodic)
    }

    /// Leibniz's rule along every line: `(DN)⁽ᵏ⁾ = Σ binom(k, j) D⁽ᵏ⁻ʲ⁾ N⁽ʲ⁾`; `visit(to, from, weight, whether it is the first)`.
    fn visit(
        &self,
        x: ArrayView1<'_, f64>,
        directions: &Directions,
        mut visit: impl FnMut(usize, usize, f64, bool),
    ) {
        let mut value = None;
        for line in directions.lines() {
            let d = self.factor(x, &line.vector);
            value.get_or_insert(d[0]);
            for k in 1..=line.order {
                for j in 0..=k {
                    let place = |k: usize| if k == 0 { 0 } else { line.first + k - 1 };
                    visit(place(k), place(j), BINOMIAL[k][j] * d[k - j], j == 0);
                }
            }
        }
        let value = value.unwrap_or_else(|| self.factor(x, &vec![0.0; x.len()])[0]);
        visit(0, 0, value, true);
    }

    /// `D` and its derivatives along a vector.
    fn factor(&self, x: ArrayView1<'_, f64>, vector: &[f64]) -> [f64; MAX_ORDER + 1] {
        let mut series = [1.0, 0.0, 0.0, 0.0, 0.0];
        for ((axis, x), v) in self.axes.iter().zip(x).zip(vector) {
            if axis.periodic {
                continue;
            }
            let (s, v) = ((x - axis.origin) / axis.length, v / axis.length);
            let p = [4.0 * s * (1.0 - s), 4.0 * (1.0 - 2.0 * s) * v, -4.0 * v * v];
            let mut product = [0.0; MAX_ORDER + 1];
            for (k, to) in product.iter_mut().enumerate() {
                *to = (0..=k.min(2)).map(|j| p[j] * series[k - j]).sum();
            }
            series = product;
        }
        std::array::from_fn(|k| series[k] * FACTORIAL[k])
    }
}
