//! The equations of the stages of a step as a sum of squares.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis as Dimension, s};

use super::ansatz::{Ansatz, Jets};
use super::space::CHUNK;
use super::{Points, Space};
use crate::gauss_newton::LeastSquares;
use crate::jet::Directions;

/// `q(θᵢ) − h Σⱼ aᵢⱼ f(tⱼ, θⱼ) = targetᵢ` for the weights of all stages, one after the other; without coefficients, the regression
/// of one network.
pub(super) struct StageEquations<'a> {
    pub(super) space: &'a Space,
    pub(super) points: &'a Points,
    /// `h aᵢⱼ`, row by row; empty where the target is explicit.
    pub(super) coefficients: &'a [f64],
    /// The times of the stages.
    pub(super) times: &'a [f64],
    /// `[quantity, point]` of every stage.
    pub(super) targets: &'a [Array2<f64>],
}

/// `J θ′ = f`: the residual is `−f`, the Jacobian that of `q`.
pub(super) struct Tangent<'a> {
    pub(super) space: &'a Space,
    pub(super) points: &'a Points,
    pub(super) t: f64,
}

/// Entries of `q` or `f` at the samples of a chunk, `[quantity, sample]`, and their derivatives `[sample, component]` each.
struct Entries {
    jets: Jets,
    directions: Directions,
    values: Array2<f64>,
    slopes: Vec<Array2<f64>>,
}

impl Space {
    fn entries(
        &self,
        theta: &[f64],
        points: ArrayView2<'_, f64>,
        directions: Directions,
        write: impl Fn(&[f64], &[f64], &mut [f64], &mut [f64]),
    ) -> Entries {
        let (kinds, width) = (self.quantities(), directions.components());
        let jets = self.ansatz.jets(theta, points, &directions);
        let mut values = Array2::zeros((kinds, points.nrows()));
        let mut slopes = vec![Array2::zeros((points.nrows(), width)); kinds];
        let (mut q, mut dq) = (vec![0.0; kinds], vec![0.0; kinds * width]);
        for (n, (x, jet)) in points.rows().into_iter().zip(jets.values.rows()).enumerate() {
            write(&x.to_vec(), &jet.to_vec(), &mut q, &mut dq);
            for k in 0..kinds {
                values[[k, n]] = q[k];
                slopes[k].row_mut(n).assign(&ndarray::aview1(&dq[k * width..(k + 1) * width]));
            }
        }
        Entries { jets, directions, values, slopes }
    }

    fn quantity_entries(&self, theta: &[f64], points: ArrayView2<'_, f64>) -> Entries {
        let directions = self.evolution.quantity_directions();
        let own = directions.clone();
        self.entries(theta, points, directions, |_, jet, q, dq| self.evolution.quantity(&own, jet, q, dq))
    }

    /// `q − h a f` and `f` share their jets.
    fn slope_entries(&self, t: f64, theta: &[f64], points: ArrayView2<'_, f64>) -> Entries {
        let directions = self.evolution.slope_directions();
        self.entries(theta, points, directions, |x, jet, f, df| self.evolution.slope(t, x, jet, f, df))
    }

    /// The Jacobian of one entry, whose derivatives with respect to the jet are `slopes`.
    fn jacobian(
        &self,
        theta: &[f64],
        points: ArrayView2<'_, f64>,
        entries: &Entries,
        slopes: &Array2<f64>,
        to: ArrayViewMut2<'_, f64>,
    ) {
        let seeds = self.ansatz.seeds(points, &entries.directions, slopes);
        self.ansatz.network.jacobian(theta, Ansatz::tape(&entries.jets), seeds, to);
    }
}

fn chunks(points: usize, kinds: usize) -> Vec<Range<usize>> {
    (0..points).step_by(CHUNK).map(|a| kinds * a..kinds * (a + CHUNK).min(points)).collect()
}

impl Points {
    fn chunk(&self, chunk: usize) -> (ArrayView2<'_, f64>, Range<usize>) {
        let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(self.weights.len());
        (self.at.slice(s![range.clone(), ..]), range)
    }
}

impl StageEquations<'_> {
    fn stages(&self) -> usize {
        self.targets.len()
    }

    fn kinds(&self) -> usize {
        self.stages() * self.space.quantities()
    }

    fn theta<'a>(&self, theta: &'a [f64], stage: usize) -> &'a [f64] {
        let p = self.space.parameters();
        &theta[stage * p..(stage + 1) * p]
    }

    fn coefficient(&self, i: usize, j: usize) -> f64 {
        self.coefficients.get(i * self.stages() + j).copied().unwrap_or(0.0)
    }

    /// `q` and `f` of every stage; `f` alone only where there are coefficients.
    fn all(&self, theta: &[f64], points: ArrayView2<'_, f64>) -> Vec<(Entries, Option<Entries>)> {
        let implicit = !self.coefficients.is_empty();
        let stage = |i: usize| {
            let theta = self.theta(theta, i);
            let slope = implicit.then(|| self.space.slope_entries(self.times[i], theta, points));
            (self.space.quantity_entries(theta, points), slope)
        };
        (0..self.stages()).map(stage).collect()
    }

    /// The rows of a chunk: those of the first quantity of the first stage, then those of its second …
    fn write(&self, all: &[(Entries, Option<Entries>)], range: &Range<usize>, r: &mut [f64]) {
        let (kinds, count) = (self.space.quantities(), range.len());
        for i in 0..self.stages() {
            for k in 0..kinds {
                for n in 0..count {
                    let mut value = all[i].0.values[[k, n]] - self.targets[i][[k, range.start + n]];
                    for (j, (_, f)) in all.iter().enumerate() {
                        value -= f.as_ref().map_or(0.0, |f| self.coefficient(i, j) * f.values[[k, n]]);
                    }
                    r[(i * kinds + k) * count + n] = self.points.weights[range.start + n].sqrt() * value;
                }
            }
        }
    }
}

impl LeastSquares for StageEquations<'_> {
    fn parameters(&self) -> usize {
        self.stages() * self.space.parameters()
    }

    fn chunks(&self) -> Vec<Range<usize>> {
        chunks(self.points.weights.len(), self.kinds())
    }

    fn residual(&self, theta: &[f64], chunk: usize, r: &mut [f64]) {
        let (points, range) = self.points.chunk(chunk);
        self.write(&self.all(theta, points), &range, r);
    }

    fn linearise(&self, theta: &[f64], chunk: usize, r: &mut [f64], mut jacobian: ArrayViewMut2<'_, f64>) {
        let (points, range) = self.points.chunk(chunk);
        let all = self.all(theta, points);
        self.write(&all, &range, r);
        let (kinds, count, p) = (self.space.quantities(), range.len(), self.space.parameters());
        for i in 0..self.stages() {
            for k in 0..kinds {
                let rows = (i * kinds + k) * count..(i * kinds + k + 1) * count;
                for (j, (q, f)) in all.iter().enumerate() {
                    let theta = self.theta(theta, j);
                    let mut to = jacobian.slice_mut(s![rows.clone(), j * p..(j + 1) * p]);
                    match f {
                        None if i == j => self.space.jacobian(theta, points, q, &q.slopes[k], to.view_mut()),
                        None => {}
                        Some(f) => {
                            let mut slopes = &f.slopes[k] * -self.coefficient(i, j);
                            if i == j {
                                self.add_quantity(&mut slopes, f, k);
                            }
                            self.space.jacobian(theta, points, f, &slopes, to.view_mut());
                        }
                    }
                }
            }
        }
        scale(&mut jacobian, &self.points.weights[range], self.kinds());
    }
}

impl StageEquations<'_> {
    /// Adds the derivatives of `q`, in the layout of the jets of `f`.
    fn add_quantity(&self, slopes: &mut Array2<f64>, f: &Entries, kind: usize) {
        let (kinds, width) = (self.space.quantities(), f.directions.components());
        let (mut q, mut dq) = (vec![0.0; kinds], vec![0.0; kinds * width]);
        for (mut row, jet) in slopes.rows_mut().into_iter().zip(f.jets.values.rows()) {
            self.space.evolution.quantity(&f.directions, &jet.to_vec(), &mut q, &mut dq);
            row += &ndarray::aview1(&dq[kind * width..(kind + 1) * width]);
        }
    }
}

/// Every row times the root of the weight of its point.
fn scale(jacobian: &mut ArrayViewMut2<'_, f64>, weights: &[f64], kinds: usize) {
    for (n, mut row) in jacobian.axis_iter_mut(Dimension(0)).enumerate().take(kinds * weights.len()) {
        let root = weights[n % weights.len()].sqrt();
        row.iter_mut().for_each(|j| *j *= root);
    }
}

impl LeastSquares for Tangent<'_> {
    fn parameters(&self) -> usize {
        self.space.parameters()
    }

    fn chunks(&self) -> Vec<Range<usize>> {
        chunks(self.points.weights.len(), self.space.quantities())
    }

    fn residual(&self, theta: &[f64], chunk: usize, r: &mut [f64]) {
        let (points, range) = self.points.chunk(chunk);
        let f = self.space.slope_entries(self.t, theta, points);
        for (k, row) in f.values.rows().into_iter().enumerate() {
            for (n, f) in row.iter().enumerate() {
                r[k * range.len() + n] = -self.points.weights[range.start + n].sqrt() * f;
            }
        }
    }

    fn linearise(&self, theta: &[f64], chunk: usize, r: &mut [f64], mut jacobian: ArrayViewMut2<'_, f64>) {
        self.residual(theta, chunk, r);
        let (points, range) = self.points.chunk(chunk);
        let q = self.space.quantity_entries(theta, points);
        for (k, slopes) in q.slopes.iter().enumerate() {
            let to = jacobian.slice_mut(s![k * range.len()..(k + 1) * range.len(), ..]);
            self.space.jacobian(theta, points, &q, slopes, to);
        }
        scale(&mut jacobian, &self.points.weights[range], self.space.quantities());
    }
}
