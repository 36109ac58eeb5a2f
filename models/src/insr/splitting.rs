//! A flow between walls by operator splitting: advect, project, correct, with networks for velocity and pressure.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis as Dimension, s};
use rand::Rng;

use super::regression::minimise;
use super::space::CHUNK;
use super::{Axis, Effort, InsrConfig, NoInterior, Points, interior};
use crate::gauss_newton::{GaussNewtonError, LeastSquares, Memory};
use crate::jet::{Directions, Embedding, Mlp, Tape};

/// Steps in vain after which a fit ends.
const PATIENCE: u64 = 3;

/// How much more a slope of the pressure across a wall counts than a residual inside.
const WALL: f64 = 10.0;

/// `∂u/∂t + u·∇u = −∇p`, `∇·u = 0` in a box, in steps of `h`:
///
/// 1. advect, `u*(x) = uₙ(x − h uₙ(x − ½ h uₙ(x)))`;
/// 2. project, `Δp = ∇·u*/h` with `∂p/∂n = 0` on the walls;
/// 3. correct, `uₙ₊₁ = u* − h ∇p`;
///
/// each a least-squares fit of a network. The velocity's component across a wall is exactly zero there. The method is of order one in `h`
/// (A. J. Chorin, Math. Comp. 22 (1968) 745; with networks: H. Chen et al., ICML 2023).
#[derive(Clone, Debug)]
pub struct Splitting {
    velocity: Mlp,
    pressure: Mlp,
    axes: Vec<Axis>,
    config: InsrConfig,
    inside: Points,
    walls: Vec<(usize, Points)>,
}

/// A network's jet at some points, and what is asked of it there.
struct Block<'a> {
    points: ArrayView2<'a, f64>,
    kinds: Vec<Kind>,
}

/// `Σ coefficient · component of an output − target` at every point of a block.
struct Kind {
    /// Component, output, and a coefficient for every point.
    terms: Vec<(usize, usize, Vec<f64>)>,
    target: Vec<f64>,
}

/// Least squares that are linear in the jet of a network.
struct Fit<'a> {
    network: &'a Mlp,
    directions: Directions,
    blocks: Vec<Block<'a>>,
}

impl Splitting {
    /// A flow in a box of two axes.
    ///
    /// # Errors
    /// If the box has no interior.
    pub fn new(config: &InsrConfig, axes: &[Axis]) -> Result<Self, NoInterior> {
        interior(axes)?;
        let d = axes.len();
        let embedding = || {
            axes.iter().enumerate().fold(Embedding::default(), |e, (a, axis)| {
                e.affine(d, a, (axis.origin, axis.origin + axis.length))
            })
        };
        let network = |outputs| {
            Mlp::new(embedding(), config.width, config.depth, outputs, config.activation, config.omega)
        };
        let n = config.sampling.points;
        let walls = (0..d).flat_map(|a| {
            let (origin, length) = (axes[a].origin, axes[a].length);
            [origin, origin + length].map(|end| {
                let mut face = Points::quadrature(axes, n);
                // The nodes of one layer across the axis, moved onto the wall.
                let first = face.at[[0, a]];
                let kept: Vec<usize> =
                    (0..face.weights.len()).filter(|i| face.at[[*i, a]] == first).collect();
                face.at = face.at.select(Dimension(0), &kept);
                face.at.column_mut(a).fill(end);
                let sum: f64 = kept.iter().map(|i| face.weights[*i]).sum();
                face.weights = kept.iter().map(|i| face.weights[*i] / sum).collect();
                (a, face)
            })
        });
        Ok(Self {
            velocity: network(d),
            pressure: network(1),
            axes: axes.to_vec(),
            config: config.clone(),
            inside: Points::quadrature(axes, n),
            walls: walls.collect(),
        })
    }

    /// The number of weights, those of the velocity first.
    pub fn parameters(&self) -> usize {
        self.velocity.parameters() + self.pressure.parameters()
    }

    /// Weights whose velocity is fitted to `u(x)` and whose pressure is drawn, and the root mean square of what is left.
    ///
    /// # Errors
    /// If the start is not finite, or the matrices are too large.
    pub fn start(
        &self,
        u: impl Fn(&[f64], &mut [f64]),
        rng: &mut impl Rng,
    ) -> Result<(Vec<f64>, f64), GaussNewtonError> {
        let mut target = Array2::zeros((self.axes.len(), self.inside.weights.len()));
        let mut value = vec![0.0; self.axes.len()];
        for (n, x) in self.inside.at.rows().into_iter().enumerate() {
            u(&x.to_vec(), &mut value);
            target.column_mut(n).assign(&ndarray::aview1(&value));
        }
        let mut theta = self.velocity.draw(rng);
        let fit = self.velocity_fit(&target);
        let c = &self.config;
        let (rms, _) = minimise(
            &c.optimiser,
            &fit,
            &mut theta,
            &mut Memory::default(),
            (c.start_iterations, 10 * PATIENCE),
            c.start_tolerance,
        )?;
        theta.extend(self.pressure.draw(rng));
        Ok((theta, rms))
    }

    /// One step of length `h`.
    ///
    /// # Errors
    /// If a residual is not finite, or the matrices are too large.
    pub fn step(&self, theta: &[f64], h: f64, effort: &mut Effort) -> Result<Vec<f64>, GaussNewtonError> {
        let (u, p) = theta.split_at(self.velocity.parameters());
        let (mut u, mut p) = (u.to_vec(), p.to_vec());
        // Advect.
        let at = &self.inside.at;
        let half = self.inside_of(at - &(self.velocity(&u, at).t().to_owned() * (0.5 * h)));
        let back = self.inside_of(at - &(self.velocity(&u, &half).t().to_owned() * h));
        self.improve(&self.velocity_fit(&self.velocity(&u, &back)), &mut u, effort)?;
        // Project.
        let divergence: Vec<f64> = self.divergence(&u, at).iter().map(|d| d / h).collect();
        self.improve(&self.pressure_fit(&divergence), &mut p, effort)?;
        // Correct.
        let target = self.velocity(&u, at) - self.slope(&p, at) * h;
        self.improve(&self.velocity_fit(&target), &mut u, effort)?;
        u.extend(p);
        Ok(u)
    }

    fn improve(&self, fit: &Fit<'_>, theta: &mut [f64], effort: &mut Effort) -> Result<(), GaussNewtonError> {
        let c = &self.config;
        let limits = (c.iterations, PATIENCE);
        let (rms, steps) = minimise(&c.optimiser, fit, theta, &mut Memory::default(), limits, c.tolerance)?;
        effort.fits += 1;
        effort.iterations += steps;
        effort.worst = effort.worst.max(rms);
        Ok(())
    }

    /// `u` at points, `[component, point]`.
    pub fn velocity(&self, theta: &[f64], points: &Array2<f64>) -> Array2<f64> {
        let tape = self.jet(theta, points, &Directions::new(self.axes.len()));
        Array2::from_shape_fn((self.axes.len(), points.nrows()), |(i, n)| {
            self.wall(i, points[[n, i]]).0 * tape.component(0)[[n, i]]
        })
    }

    /// `∂v/∂x − ∂u/∂y` at points, `[1, point]`.
    pub fn vorticity(&self, theta: &[f64], points: &Array2<f64>) -> Array2<f64> {
        let directions = self.slopes();
        let tape = self.jet(theta, points, &directions);
        Array2::from_shape_fn((1, points.nrows()), |(_, n)| {
            let slope = |i: usize, a: usize| {
                self.wall(i, points[[n, i]]).0 * tape.component(directions.component(a, 1))[[n, i]]
            };
            slope(1, 0) - slope(0, 1)
        })
    }

    /// `∇·u` at points.
    pub fn divergence(&self, theta: &[f64], points: &Array2<f64>) -> Vec<f64> {
        let directions = self.slopes();
        let tape = self.jet(theta, points, &directions);
        let of = |n: usize, i: usize| {
            let (factor, slope) = self.wall(i, points[[n, i]]);
            slope * tape.component(0)[[n, i]] + factor * tape.component(directions.component(i, 1))[[n, i]]
        };
        (0..points.nrows()).map(|n| (0..self.axes.len()).map(|i| of(n, i)).sum()).collect()
    }

    fn jet(&self, theta: &[f64], points: &Array2<f64>, directions: &Directions) -> Tape {
        self.velocity.jet(&theta[..self.velocity.parameters()], points.view(), directions)
    }

    /// `∇p` at points, `[axis, point]`.
    fn slope(&self, p: &[f64], points: &Array2<f64>) -> Array2<f64> {
        let directions = self.slopes();
        let tape = self.pressure.jet(p, points.view(), &directions);
        Array2::from_shape_fn((self.axes.len(), points.nrows()), |(a, n)| {
            tape.component(directions.component(a, 1))[[n, 0]]
        })
    }

    fn slopes(&self) -> Directions {
        let d = self.axes.len();
        (0..d).fold(Directions::new(d), |all, a| all.axis(a, 1))
    }

    /// What component `i` is multiplied with, zero on its walls, and the slope of that along its axis.
    fn wall(&self, i: usize, x: f64) -> (f64, f64) {
        let axis = self.axes[i];
        let s = (x - axis.origin) / axis.length;
        (4.0 * s * (1.0 - s), 4.0 * (1.0 - 2.0 * s) / axis.length)
    }

    /// Points that left the box, back on its walls.
    fn inside_of(&self, mut points: Array2<f64>) -> Array2<f64> {
        for (mut column, axis) in points.columns_mut().into_iter().zip(&self.axes) {
            column.mapv_inplace(|x| x.clamp(axis.origin, axis.origin + axis.length));
        }
        points
    }

    fn velocity_fit(&self, target: &Array2<f64>) -> Fit<'_> {
        let roots: Vec<f64> = self.inside.weights.iter().map(|w| w.sqrt()).collect();
        let kinds = (0..self.axes.len()).map(|i| {
            let places = self.inside.at.column(i);
            let coefficient = places.iter().zip(&roots).map(|(x, r)| r * self.wall(i, *x).0).collect();
            let target = target.row(i).iter().zip(&roots).map(|(t, r)| r * t).collect();
            Kind { terms: vec![(0, i, coefficient)], target }
        });
        let blocks = vec![Block { points: self.inside.at.view(), kinds: kinds.collect() }];
        Fit { network: &self.velocity, directions: Directions::new(self.axes.len()), blocks }
    }

    fn pressure_fit(&self, divergence: &[f64]) -> Fit<'_> {
        let d = self.axes.len();
        let directions = (0..d).fold(Directions::new(d), |all, a| all.axis(a, 2));
        let roots: Vec<f64> = self.inside.weights.iter().map(|w| w.sqrt()).collect();
        let laplacian = Kind {
            terms: (0..d).map(|a| (directions.component(a, 2), 0, roots.clone())).collect(),
            target: divergence.iter().zip(&roots).map(|(t, r)| r * t).collect(),
        };
        let mut blocks = vec![Block { points: self.inside.at.view(), kinds: vec![laplacian] }];
        for (a, face) in &self.walls {
            let coefficient = face.weights.iter().map(|w| (WALL * w).sqrt()).collect();
            let across = Kind {
                terms: vec![(directions.component(*a, 1), 0, coefficient)],
                target: vec![0.0; face.weights.len()],
            };
            blocks.push(Block { points: face.at.view(), kinds: vec![across] });
        }
        Fit { network: &self.pressure, directions, blocks }
    }
}

impl Fit<'_> {
    /// Block, points in it, and rows of every chunk.
    fn parts(&self) -> Vec<(usize, Range<usize>, Range<usize>)> {
        let (mut parts, mut row) = (Vec::new(), 0);
        for (b, block) in self.blocks.iter().enumerate() {
            let count = block.points.nrows();
            for first in (0..count).step_by(CHUNK) {
                let points = first..(first + CHUNK).min(count);
                let next = row + block.kinds.len() * points.len();
                parts.push((b, points, row..next));
                row = next;
            }
        }
        parts
    }

    fn tape(&self, theta: &[f64], block: usize, points: &Range<usize>) -> Tape {
        self.network.jet(theta, self.blocks[block].points.slice(s![points.clone(), ..]), &self.directions)
    }

    fn values(&self, tape: &Tape, block: usize, points: &Range<usize>, r: &mut [f64]) {
        let count = points.len();
        for (k, kind) in self.blocks[block].kinds.iter().enumerate() {
            for (sample, n) in points.clone().enumerate() {
                let of = |(c, o, by): &(usize, usize, Vec<f64>)| by[n] * tape.component(*c)[[sample, *o]];
                r[k * count + sample] = kind.terms.iter().map(of).sum::<f64>() - kind.target[n];
            }
        }
    }
}

impl LeastSquares for Fit<'_> {
    fn parameters(&self) -> usize {
        self.network.parameters()
    }

    fn chunks(&self) -> Vec<Range<usize>> {
        self.parts().into_iter().map(|(.., rows)| rows).collect()
    }

    fn residual(&self, theta: &[f64], chunk: usize, r: &mut [f64]) {
        let (block, points, _) = self.parts().swap_remove(chunk);
        self.values(&self.tape(theta, block, &points), block, &points, r);
    }

    fn linearise(&self, theta: &[f64], chunk: usize, r: &mut [f64], mut jacobian: ArrayViewMut2<'_, f64>) {
        let (block, points, _) = self.parts().swap_remove(chunk);
        let tape = self.tape(theta, block, &points);
        self.values(&tape, block, &points, r);
        let count = points.len();
        for (k, kind) in self.blocks[block].kinds.iter().enumerate() {
            let mut seeds = Array2::zeros((self.directions.components() * count, self.network.outputs()));
            for (component, output, by) in &kind.terms {
                for (sample, n) in points.clone().enumerate() {
                    seeds[[component * count + sample, *output]] += by[n];
                }
            }
            let to = jacobian.slice_axis_mut(Dimension(0), (k * count..(k + 1) * count).into());
            self.network.jacobian(theta, &tape, seeds, to);
        }
    }
}
