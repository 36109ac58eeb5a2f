//! An elastic block whose displacement is a network: the least energy, and steps in time that are least energies too.

use std::ops::Range;

use flowmap_solvers::issue::{Check, Validate};
use nalgebra::DMatrix;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis as Dimension, s};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::space::CHUNK;
use super::{Axis, InsrConfig, NoInterior, Points, interior};
use crate::gauss_newton::LeastSquares;
use crate::jet::{Directions, Embedding, Mlp, Tape};

/// Where a block is held; exactly, by a factor of the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hold {
    /// Nowhere.
    Free,
    /// The lower face of the first axis in place, the upper one moved by a distance along it.
    Clamped(f64),
    /// The same along the first axis alone; along the others the middle stays in place.
    Rollers(f64),
}

/// `x = X + u(X)` with the energy `mean(a ‖F − R(F)‖² + v (det F − 1)²)`, `R` the rotation nearest to `F`: `‖F − R‖² = Σ (σᵢ − 1)²`
/// (O. Sorkine, M. Alexa, SGP 2007).
#[derive(Clone, Debug)]
pub struct Block {
    network: Mlp,
    axes: Vec<Axis>,
    hold: Hold,
    elasticity: Elasticity,
}

/// What a deformation costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elasticity {
    /// `a`.
    pub shape: f64,
    /// `v`.
    pub volume: f64,
}

/// A step of the implicit method of Euler as a least energy: `mean(ρ ‖u − 2uₙ + uₙ₋₁ − Δt² g‖²/2Δt² + energy + k max(0, h − z)²/2)`
/// with the height `z` along the last axis above a ground at `h`.
#[derive(Clone, Debug)]
pub struct Motion {
    /// `ρ/Δt²`.
    pub inertia: f64,
    /// `2uₙ − uₙ₋₁ + Δt² g`, `[axis, point]`.
    pub ahead: Array2<f64>,
    /// `h`.
    pub ground: f64,
    /// `k`.
    pub contact: f64,
}

/// Energies as sums of squares at points.
struct Energy<'a> {
    block: &'a Block,
    points: &'a Points,
    motion: Option<&'a Motion>,
}

/// The residuals of a sample, with their derivatives by `u` and by `F`.
struct Rows {
    values: Vec<f64>,
    by_u: Vec<Vec<f64>>,
    by_f: Vec<Vec<f64>>,
}

impl Validate for Elasticity {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("shape", self.shape);
        check.non_negative("volume", self.volume);
    }
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
        elasticity: Elasticity,
    ) -> Result<Self, NoInterior> {
        interior(axes)?;
        let d = axes.len();
        let embedding = axes.iter().enumerate().fold(Embedding::default(), |e, (a, axis)| {
            e.affine(d, a, (axis.origin, axis.origin + axis.length))
        });
        let network = Mlp::new(embedding, config.width, config.depth, d, config.activation, config.omega);
        Ok(Self { network, axes: axes.to_vec(), hold, elasticity })
    }

    /// The number of weights.
    pub fn parameters(&self) -> usize {
        self.network.parameters()
    }

    /// Draws weights.
    pub fn draw(&self, rng: &mut impl Rng) -> Vec<f64> {
        self.network.draw(rng)
    }

    /// The energy at points as a sum of squares, of an equilibrium or of a step in time.
    pub fn energy<'a>(&'a self, points: &'a Points, motion: Option<&'a Motion>) -> impl LeastSquares + 'a {
        Energy { block: self, points, motion }
    }

    /// `u` at points, `[axis, point]`.
    pub fn displacement(&self, theta: &[f64], points: &Array2<f64>) -> Array2<f64> {
        let tape = self.network.jet(theta, points.view(), &Directions::new(self.axes.len()));
        let mut u = Array2::zeros((self.axes.len(), points.nrows()));
        for (n, x) in points.rows().into_iter().enumerate() {
            let (d, ..) = self.held(&x.to_vec());
            for (i, u) in u.column_mut(n).iter_mut().enumerate() {
                *u = d[i].0 * tape.component(0)[[n, i]] + d[i].1;
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
            (Hold::Free, _) => ((1.0, 0.0), (0, 0.0, 0.0)),
            (Hold::Clamped(by) | Hold::Rollers(by), 0) => ((wall.0, by * s), (0, wall.1, by / l)),
            (Hold::Clamped(_), _) => ((wall.0, 0.0), (0, wall.1, 0.0)),
            (Hold::Rollers(_), _) => ((2.0 * unit(i) - 1.0, 0.0), (i, 2.0 / self.axes[i].length, 0.0)),
        };
        (0..self.axes.len()).map(component).unzip()
    }

    fn directions(&self) -> Directions {
        let d = self.axes.len();
        (0..d).fold(Directions::new(d), |all, a| all.axis(a, 1))
    }

    /// `u` and `F` at a sample.
    fn deformation(&self, tape: &Tape, n: usize, x: &[f64]) -> (Vec<f64>, DMatrix<f64>) {
        let d = self.axes.len();
        let (factors, slopes) = self.held(x);
        let value = |i: usize| tape.component(0)[[n, i]];
        let u = (0..d).map(|i| factors[i].0 * value(i) + factors[i].1).collect();
        let f = DMatrix::from_fn(d, d, |i, a| {
            let (axis, slope, lift) = slopes[i];
            let own = if axis == a { slope * value(i) + lift } else { 0.0 };
            f64::from(u8::from(i == a)) + own + factors[i].0 * tape.component(1 + a)[[n, i]]
        });
        (u, f)
    }

    fn strain(&self, f: &DMatrix<f64>) -> Rows {
        let d = f.nrows();
        let (shape, volume) = (self.elasticity.shape.sqrt(), self.elasticity.volume.sqrt());
        let Some((u, sigma, v)) = signed_svd(f) else {
            return Rows { values: vec![f64::NAN; d * d + 1], by_u: Vec::new(), by_f: Vec::new() };
        };
        let rotation = &u * v.transpose();
        let mut rows = Rows { values: Vec::new(), by_u: Vec::new(), by_f: vec![vec![0.0; d * d]; d * d + 1] };
        rows.values.extend((0..d * d).map(|k| shape * (f[(k / d, k % d)] - rotation[(k / d, k % d)])));
        for e in 0..d * d {
            // dR = U Ω Vᵀ, Ω_pq = (A_pq − A_qp)/(σ_p + σ_q), A = Uᵀ dF V.
            let a = DMatrix::from_fn(d, d, |p, q| u[(e / d, p)] * v[(e % d, q)]);
            let omega =
                DMatrix::from_fn(d, d, |p, q| (a[(p, q)] - a[(q, p)]) / (sigma[p] + sigma[q]).max(1e-6));
            let turned = &u * omega * v.transpose();
            for k in 0..d * d {
                rows.by_f[k][e] = shape * (f64::from(u8::from(k == e)) - turned[(k / d, k % d)]);
            }
            // The cofactor: det F = σ₁ σ₂ …
            let cofactor: f64 = (0..d)
                .map(|p| {
                    u[(e / d, p)]
                        * v[(e % d, p)]
                        * (0..d).filter(|q| *q != p).map(|q| sigma[q]).product::<f64>()
                })
                .sum();
            rows.by_f[d * d][e] = volume * cofactor;
        }
        rows.values.push(volume * (sigma.iter().product::<f64>() - 1.0));
        rows
    }
}

/// `F = U diag(σ) Vᵀ` with `U Vᵀ` a rotation; the last singular value has the sign of the determinant.
fn signed_svd(f: &DMatrix<f64>) -> Option<(DMatrix<f64>, Vec<f64>, DMatrix<f64>)> {
    if f.iter().any(|f| !f.is_finite()) {
        return None;
    }
    let svd = f.clone().svd(true, true);
    let (mut u, v) = (svd.u?, svd.v_t?.transpose());
    let mut sigma: Vec<f64> = svd.singular_values.iter().copied().collect();
    if u.determinant() * v.determinant() < 0.0 {
        let last = (0..sigma.len()).min_by(|a, b| sigma[*a].total_cmp(&sigma[*b]))?;
        sigma[last] = -sigma[last];
        u.column_mut(last).neg_mut();
    }
    Some((u, sigma, v))
}

impl Energy<'_> {
    fn kinds(&self) -> usize {
        let d = self.block.axes.len();
        d * d + 1 + if self.motion.is_some() { d + 1 } else { 0 }
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
        let d = self.block.axes.len();
        let (u, f) = self.block.deformation(tape, sample, x);
        let mut rows = self.block.strain(&f);
        let kinds = rows.values.len();
        rows.by_u = vec![vec![0.0; d]; kinds];
        if let Some(motion) = self.motion {
            let inertia = (0.5 * motion.inertia).sqrt();
            for i in 0..d {
                rows.values.push(inertia * (u[i] - motion.ahead[[i, n]]));
                rows.by_u.push((0..d).map(|j| if i == j { inertia } else { 0.0 }).collect());
            }
            let (depth, contact) = (motion.ground - x[d - 1] - u[d - 1], (0.5 * motion.contact).sqrt());
            rows.values.push(contact * depth.max(0.0));
            let slope = if depth > 0.0 { -contact } else { 0.0 };
            rows.by_u.push((0..d).map(|j| if j == d - 1 { slope } else { 0.0 }).collect());
            rows.by_f.resize(self.kinds(), vec![0.0; d * d]);
        }
        let root = self.points.weights[n].sqrt();
        rows.values.iter_mut().for_each(|v| *v *= root);
        rows.by_u.iter_mut().chain(&mut rows.by_f).flatten().for_each(|v| *v *= root);
        rows
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
                if rows.by_u.is_empty() || rows.by_f.is_empty() {
                    continue;
                }
                for i in 0..d {
                    let (axis, slope, _) = slopes[i];
                    let by_f = |a: usize| rows.by_f[k][i * d + a];
                    seeds[[sample, i]] = rows.by_u[k][i] * factors[i].0 + by_f(axis) * slope;
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
