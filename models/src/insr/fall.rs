//! An elastic block that moves freely, and may fall on a ground: one step of the implicit Euler method is a minimum.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis as Dimension, s};
use rand::Rng;

use super::block::{Block, Energy};
use super::space::CHUNK;
use super::{Axis, Points};
use crate::gauss_newton::LeastSquares;
use crate::jet::Directions;

/// `ρ (x − 2 xₙ + xₙ₋₁)/h² = ρ g − δW/δx`: what the implicit Euler method makes of the mass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inertia {
    /// `ρ`, mass per volume at rest.
    pub density: f64,
    /// `h`.
    pub dt: f64,
    /// The acceleration along the last axis, downwards.
    pub gravity: f64,
}

/// A ground that pushes back with a pressure proportional to the depth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    /// Its height.
    pub height: f64,
    /// Pressure by depth.
    pub stiffness: f64,
}

/// The motion of a free [`Block`] in steps: the places of the next step minimise
/// `mean(W(F) + ρ/(2h²) |x − x̂|²) + Σ_faces k/2 min(0, x_d − z)²/V` with `x̂ = 2 xₙ − xₙ₋₁ − h² g e_d`, a sum of squares.
///
/// C. Kane et al., Int. J. Numer. Meth. Engng 49 (2000) 1295 (variational integrators as minimisation); the contact is a penalty
/// without friction.
#[derive(Clone, Debug)]
pub struct Motion<'a> {
    block: &'a Block,
    inertia: Inertia,
    ground: Ground,
    fixed: Nodes,
}

/// Where a step is measured.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// In the block.
    pub inside: Points,
    /// On its faces; their weights sum to the faces' area by the volume.
    pub faces: Points,
}

impl Nodes {
    fn new(axes: &[Axis], mut draw: impl FnMut(&[Axis]) -> Points) -> Self {
        let inside = draw(axes);
        let (mut at, mut weights) = (Vec::new(), Vec::new());
        for (across, axis) in axes.iter().enumerate() {
            let others: Vec<_> =
                axes.iter().enumerate().filter(|(a, _)| *a != across).map(|(_, x)| *x).collect();
            for end in [axis.origin, axis.origin + axis.length] {
                let face = draw(&others);
                for (x, weight) in face.at.rows().into_iter().zip(&face.weights) {
                    let mut rest = x.iter();
                    at.extend(
                        (0..axes.len()).map(|a| {
                            if a == across { end } else { rest.next().copied().unwrap_or_default() }
                        }),
                    );
                    weights.push(weight / axis.length);
                }
            }
        }
        let at = Array2::from_shape_vec((weights.len(), axes.len()), at).unwrap_or_default();
        Self { inside, faces: Points { at, weights } }
    }
}

/// The energy of one step.
struct Increment<'a> {
    motion: &'a Motion<'a>,
    nodes: &'a Nodes,
    strain: Energy<'a>,
    /// `x̂` at the points inside, `[axis, point]`.
    target: Array2<f64>,
    /// The weights of the last step, and the root of what their change costs.
    last: (Vec<f64>, f64),
}

impl<'a> Motion<'a> {
    /// The motion of a block.
    pub fn new(block: &'a Block, inertia: Inertia, ground: Ground, nodes: usize) -> Self {
        Self {
            block,
            inertia,
            ground,
            fixed: Nodes::new(&block.axes, |axes| Points::with_walls(axes, nodes)),
        }
    }

    /// Nodes of Lobatto's rule, as many along each axis as the motion was made with.
    pub fn fixed(&self) -> &Nodes {
        &self.fixed
    }

    /// About `count` points inside that are drawn, and as many on the faces as are as far apart: a network that is always measured at the same points may tear
    /// between them.
    pub fn drawn(&self, count: usize, rng: &mut impl Rng) -> Nodes {
        let axes = self.block.axes.len() as f64;
        Nodes::new(&self.block.axes, |on| {
            let share = (count as f64).powf(on.len() as f64 / axes).ceil();
            Points::spread(on, share as usize, rng)
        })
    }

    /// The energy of the step that follows the weights `now`, and `before` them, plus `λ ‖θ − now‖²`: among networks that do the same at the nodes, the one is
    /// wanted that changed least.
    pub fn increment<'b>(
        &'b self,
        nodes: &'b Nodes,
        now: &[f64],
        before: &[f64],
        lambda: f64,
    ) -> impl LeastSquares + 'b {
        let mut target = 2.0 * self.places(now, &nodes.inside.at) - self.places(before, &nodes.inside.at);
        let last = target.nrows() - 1;
        target.row_mut(last).mapv_inplace(|x| x - self.inertia.dt * self.inertia.dt * self.inertia.gravity);
        let strain = Energy { block: self.block, points: &nodes.inside };
        Increment { motion: self, nodes, strain, target, last: (now.to_vec(), lambda.sqrt()) }
    }

    /// `x` of points, `[axis, point]`.
    pub fn places(&self, theta: &[f64], points: &Array2<f64>) -> Array2<f64> {
        self.block.displacement(theta, points) + points.t()
    }

    /// The strain energy at given weights, and that of the ground, both by the volume.
    pub fn energies(&self, theta: &[f64]) -> [f64; 2] {
        let Nodes { inside, faces } = &self.fixed;
        let strain = crate::gauss_newton::cost(&self.block.energy(inside), theta);
        let places = self.places(theta, &faces.at);
        let depth = places.row(places.nrows() - 1).mapv(|x| (x - self.ground.height).min(0.0));
        let pressed = depth.iter().zip(&faces.weights).map(|(d, w)| w * d * d).sum::<f64>();
        [strain, 0.5 * self.ground.stiffness * pressed]
    }
}

impl Increment<'_> {
    /// The chunks inside, then those of the faces: points and rows.
    fn parts(&self) -> Vec<(bool, Range<usize>, Range<usize>)> {
        let d = self.motion.block.axes.len();
        let (inside, faces) = (self.nodes.inside.weights.len(), self.nodes.faces.weights.len());
        let (mut parts, mut row) = (Vec::new(), 0);
        for (face, count, kinds) in [(false, inside, self.strain.kinds() + d), (true, faces, 1)] {
            for first in (0..count).step_by(CHUNK) {
                let points = first..(first + CHUNK).min(count);
                let next = row + kinds * points.len();
                parts.push((face, points, row..next));
                row = next;
            }
        }
        parts
    }

    /// Writes the rows of points at places: `inertia` inside, `contact` on the faces. A row is the value of one component of the place times what is given to `slope`.
    fn rows(
        &self,
        face: bool,
        points: &Range<usize>,
        places: &Array2<f64>,
        mut row: impl FnMut(usize, usize, usize, f64, f64),
    ) {
        let (d, count) = (places.nrows(), points.len());
        let (Motion { inertia, ground, .. }, Nodes { inside, faces }) = (self.motion, self.nodes);
        for (sample, n) in points.clone().enumerate() {
            if face {
                let depth = places[[d - 1, sample]] - ground.height;
                let root = (0.5 * ground.stiffness * faces.weights[n]).sqrt();
                let slope = if depth < 0.0 { root } else { 0.0 };
                row(sample, sample, d - 1, slope * depth, slope);
            } else {
                let root = (0.5 * inertia.density * inside.weights[n]).sqrt() / inertia.dt;
                for i in 0..d {
                    row(
                        i * count + sample,
                        sample,
                        i,
                        root * (places[[i, sample]] - self.target[[i, n]]),
                        root,
                    );
                }
            }
        }
    }

    /// The rows of the weights' change.
    fn changes(&self, theta: &[f64], r: &mut [f64]) {
        let (last, root) = &self.last;
        for ((r, now), last) in r.iter_mut().zip(theta).zip(last) {
            *r = root * (now - last);
        }
    }

    fn points(&self, face: bool, range: &Range<usize>) -> ArrayView2<'_, f64> {
        let points = if face { &self.nodes.faces } else { &self.nodes.inside };
        points.at.slice(s![range.clone(), ..])
    }
}

impl LeastSquares for Increment<'_> {
    fn parameters(&self) -> usize {
        self.motion.block.parameters()
    }

    fn chunks(&self) -> Vec<Range<usize>> {
        let mut rows: Vec<_> = self.parts().into_iter().map(|(.., rows)| rows).collect();
        let measured = rows.last().map_or(0, |rows| rows.end);
        rows.push(measured..measured + self.last.0.len());
        rows
    }

    fn residual(&self, theta: &[f64], chunk: usize, r: &mut [f64]) {
        let Some((face, points, _)) = self.parts().into_iter().nth(chunk) else {
            return self.changes(theta, r);
        };
        let strained = if face { 0 } else { self.strain.kinds() * points.len() };
        let (strain, rest) = r.split_at_mut(strained);
        if !face {
            self.strain.residual(theta, chunk, strain);
        }
        let places = self.motion.places(theta, &self.points(face, &points).to_owned());
        self.rows(face, &points, &places, |at, _, _, value, _| rest[at] = value);
    }

    fn linearise(&self, theta: &[f64], chunk: usize, r: &mut [f64], mut jacobian: ArrayViewMut2<'_, f64>) {
        let Some((face, points, _)) = self.parts().into_iter().nth(chunk) else {
            jacobian.diag_mut().fill(self.last.1);
            return self.changes(theta, r);
        };
        let (d, count) = (self.motion.block.axes.len(), points.len());
        let strained = if face { 0 } else { self.strain.kinds() * count };
        let (strain, rest) = r.split_at_mut(strained);
        if !face {
            let to = jacobian.slice_axis_mut(Dimension(0), (0..strained).into());
            self.strain.linearise(theta, chunk, strain, to);
        }
        let at = self.points(face, &points);
        let places = self.motion.places(theta, &at.to_owned());
        // A free block moves as its network does.
        let mut seeds = vec![Array2::zeros((count, d)); if face { 1 } else { d }];
        self.rows(face, &points, &places, |row, sample, component, value, slope| {
            rest[row] = value;
            seeds[row / count][[sample, component]] = slope;
        });
        let network = &self.motion.block.network;
        let tape = network.jet(theta, at, &Directions::new(d));
        for (k, seeds) in seeds.into_iter().enumerate() {
            let first = strained + k * count;
            let to = jacobian.slice_axis_mut(Dimension(0), (first..first + count).into());
            network.jacobian(theta, &tape, seeds, to);
        }
    }
}
