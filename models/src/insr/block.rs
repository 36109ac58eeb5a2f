//! An elastic block whose displacement is a network: the one of least energy.

use std::ops::Range;

use flowmap_solvers::elasticity::Material;
use nalgebra::Matrix3;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis as Dimension, s};
use rand::Rng;

use super::space::CHUNK;
use super::{Axis, InsrConfig, NoInterior, Points, interior};
use crate::gauss_newton::LeastSquares;
use crate::jet::{Directions, Embedding, Mlp, Tape};

/// Where a block is held; exactly, by a factor of the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hold {
    /// The lower face of the first axis in place, the upper one moved by a distance along it.
    Clamped(f64),
    /// The same along the first axis alone; along the others the middle stays in place.
    Rollers(f64),
    /// Nowhere; at rest it is turned by an angle in the plane of its first and last axis.
    Free(f64),
}

/// `x = X + u(X)` with the energy `mean(a Σ s(σᵢ)² + v g(det F)²)` of the singular values of `F = ∂x/∂X` by the law of a
/// [`Material`].
#[derive(Clone, Debug)]
pub struct Block {
    pub(super) network: Mlp,
    pub(super) axes: Vec<Axis>,
    hold: Hold,
    material: Material,
}

/// The energy as a sum of squares at points.
pub(super) struct Energy<'a> {
    pub(super) block: &'a Block,
    pub(super) points: &'a Points,
}

/// The residuals of a point, and their derivatives by the entries of `F` row by row.
struct Rows {
    values: Vec<f64>,
    by_f: Vec<Vec<f64>>,
}

impl Block {
    /// A block of two or three axes.
    ///
    /// # Errors
    /// If it has no interior.
    pub fn new(
        config: &InsrConfig,
        axes: &[Axis],
        hold: Hold,
        material: Material,
    ) -> Result<Self, NoInterior> {
        interior(axes)?;
        let d = axes.len();
        let embedding = axes.iter().enumerate().fold(Embedding::default(), |e, (a, axis)| {
            e.affine(d, a, (axis.origin, axis.origin + axis.length))
        });
        let network = Mlp::new(embedding, config.width, config.depth, d, config.activation, config.omega);
        Ok(Self { network, axes: axes.to_vec(), hold, material })
    }

    /// The number of weights.
    pub fn parameters(&self) -> usize {
        self.network.parameters()
    }

    /// Draws weights.
    pub fn draw(&self, rng: &mut impl Rng) -> Vec<f64> {
        self.network.draw(rng)
    }

    /// The energy at points as a sum of squares.
    pub fn energy<'a>(&'a self, points: &'a Points) -> impl LeastSquares + 'a {
        Energy { block: self, points }
    }

    /// Weights without displacement beyond what holds the block: those of the last layer are zero.
    pub fn at_rest(&self, rng: &mut impl Rng) -> Vec<f64> {
        let mut theta = self.draw(rng);
        let sizes = self.network.sizes();
        let last = (sizes[sizes.len() - 2] + 1) * self.network.outputs();
        let inner = theta.len() - last;
        theta[inner..].fill(0.0);
        theta
    }

    /// `u` at points, `[axis, point]`.
    pub fn displacement(&self, theta: &[f64], points: &Array2<f64>) -> Array2<f64> {
        let tape = self.network.jet(theta, points.view(), &Directions::new(self.axes.len()));
        let mut u = Array2::zeros((self.axes.len(), points.nrows()));
        for (n, x) in points.rows().into_iter().enumerate() {
            let (d, ..) = self.held(&x.to_vec());
            for (i, u) in u.column_mut(n).iter_mut().enumerate() {
                let turned: f64 = (0..x.len()).map(|a| self.at_rest_by(i, a) * x[a]).sum();
                *u = d[i].0 * tape.component(0)[[n, i]] + d[i].1 + turned - x[i];
            }
        }
        u
    }

    /// Of every component: factor and lift, and their slopes along the first axis or, of rollers, the component's own.
    fn held(&self, x: &[f64]) -> (Vec<(f64, f64)>, Vec<(usize, f64, f64)>) {
        let unit = |a: usize| (x[a] - self.axes[a].origin) / self.axes[a].length;
        let (s, l) = (unit(0), self.axes[0].length);
        let wall = (4.0 * s * (1.0 - s), 4.0 * (1.0 - 2.0 * s) / l);
        let component = |i: usize| match (self.hold, i) {
            (Hold::Clamped(by) | Hold::Rollers(by), 0) => ((wall.0, by * s), (0, wall.1, by / l)),
            (Hold::Clamped(_), _) => ((wall.0, 0.0), (0, wall.1, 0.0)),
            (Hold::Rollers(_), _) => ((2.0 * unit(i) - 1.0, 0.0), (i, 2.0 / self.axes[i].length, 0.0)),
            (Hold::Free(_), _) => ((1.0, 0.0), (0, 0.0, 0.0)),
        };
        (0..self.axes.len()).map(component).unzip()
    }

    /// `F` of the block at rest, the entry `[i, a]`.
    fn at_rest_by(&self, i: usize, a: usize) -> f64 {
        let last = self.axes.len() - 1;
        let angle = if let Hold::Free(angle) = self.hold { angle } else { 0.0 };
        match (i, a) {
            (i, a) if i == a && (i == 0 || i == last) => angle.cos(),
            (0, a) if a == last => -angle.sin(),
            (i, 0) if i == last => angle.sin(),
            (i, a) => f64::from(u8::from(i == a)),
        }
    }

    pub(super) fn directions(&self) -> Directions {
        let d = self.axes.len();
        (0..d).fold(Directions::new(d), |all, a| all.axis(a, 1))
    }

    /// `F` at a sample; a block of two axes has a third at rest.
    fn gradient(&self, tape: &Tape, n: usize, x: &[f64]) -> Matrix3<f64> {
        let d = self.axes.len();
        let (factors, slopes) = self.held(x);
        let value = |i: usize| tape.component(0)[[n, i]];
        Matrix3::from_fn(|i, a| {
            if i >= d || a >= d {
                return f64::from(u8::from(i == a));
            }
            let (axis, slope, lift) = slopes[i];
            let own = if axis == a { slope * value(i) + lift } else { 0.0 };
            self.at_rest_by(i, a) + own + factors[i].0 * tape.component(1 + a)[[n, i]]
        })
    }
}

impl Energy<'_> {
    /// Residuals of a point.
    pub(super) fn kinds(&self) -> usize {
        let d = self.block.axes.len();
        d * d + 1
    }

    fn range(&self, chunk: usize) -> Range<usize> {
        chunk * CHUNK..((chunk + 1) * CHUNK).min(self.points.weights.len())
    }

    fn at(&self, chunk: usize) -> (ArrayView2<'_, f64>, Range<usize>) {
        let range = self.range(chunk);
        (self.points.at.slice(s![range.clone(), ..]), range)
    }

    /// The residuals of point `n`, the root of its weight among them.
    fn rows(&self, tape: &Tape, sample: usize, n: usize, x: &[f64]) -> Rows {
        let (d, material) = (self.block.axes.len(), self.block.material);
        let Some(strain) = material.strain(&self.block.gradient(tape, sample, x), d) else {
            return Rows { values: vec![f64::NAN; self.kinds()], by_f: Vec::new() };
        };
        let weight = self.points.weights[n];
        let (shape, volume) = ((weight * material.shape).sqrt(), (weight * material.volume).sqrt());
        let entries = || (0..d * d).map(|k| 3 * (k / d) + k % d);
        let kept = entries().map(|k| (shape, &strain.shape[k])).chain([(volume, &strain.volume)]);
        let (values, by_f) =
            kept.map(|(root, (value, by))| (root * value, entries().map(|e| root * by[e]).collect())).unzip();
        Rows { values, by_f }
    }
}

impl LeastSquares for Energy<'_> {
    fn parameters(&self) -> usize {
        self.block.parameters()
    }

    fn chunks(&self) -> Vec<Range<usize>> {
        let (n, kinds) = (self.points.weights.len(), self.kinds());
        (0..n).step_by(CHUNK).map(|a| kinds * a..kinds * (a + CHUNK).min(n)).collect()
    }

    fn residual(&self, theta: &[f64], chunk: usize, r: &mut [f64]) {
        let (points, range) = self.at(chunk);
        let tape = self.block.network.jet(theta, points, &self.block.directions());
        for (sample, x) in points.rows().into_iter().enumerate() {
            let rows = self.rows(&tape, sample, range.start + sample, &x.to_vec());
            rows.values.iter().enumerate().for_each(|(k, v)| r[k * range.len() + sample] = *v);
        }
    }

    fn linearise(&self, theta: &[f64], chunk: usize, r: &mut [f64], mut jacobian: ArrayViewMut2<'_, f64>) {
        let (points, range) = self.at(chunk);
        let (d, count, kinds) = (self.block.axes.len(), range.len(), self.kinds());
        let tape = self.block.network.jet(theta, points, &self.block.directions());
        let mut seeds = vec![Array2::zeros(((1 + d) * count, d)); kinds];
        for (sample, x) in points.rows().into_iter().enumerate() {
            let x = x.to_vec();
            let (factors, slopes) = self.block.held(&x);
            let rows = self.rows(&tape, sample, range.start + sample, &x);
            for (k, seeds) in seeds.iter_mut().enumerate() {
                r[k * count + sample] = rows.values[k];
                if rows.by_f.is_empty() {
                    continue;
                }
                for i in 0..d {
                    let (axis, slope, _) = slopes[i];
                    let by_f = |a: usize| rows.by_f[k][i * d + a];
                    seeds[[sample, i]] = by_f(axis) * slope;
                    for a in 0..d {
                        seeds[[(1 + a) * count + sample, i]] = by_f(a) * factors[i].0;
                    }
                }
            }
        }
        for (k, seeds) in seeds.into_iter().enumerate() {
            let to = jacobian.slice_axis_mut(Dimension(0), (k * count..(k + 1) * count).into());
            self.block.network.jacobian(theta, &tape, seeds, to);
        }
    }
}
