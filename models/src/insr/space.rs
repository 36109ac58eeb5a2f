//! The functions that a network can be.

use std::sync::Arc;

use ndarray::{Array2, Axis as Dimension, s};
use rand::Rng;
use rayon::prelude::*;

use super::ansatz::Ansatz;
use super::{Axis, Evolution, InsrConfig, NoInterior, Points, interior};
use crate::jet::{Directions, Embedding, Mlp};

/// Samples of a chunk: few enough that a chunk's jets stay in the cache.
pub(super) const CHUNK: usize = 128;

/// Nodes of an axis at which functions are compared.
const NODES: [usize; 2] = [400, 24];

/// A network on a box, the equation that moves it, and points at which norms are taken.
pub struct Space {
    pub(super) ansatz: Ansatz,
    pub(super) evolution: Box<dyn Evolution>,
    pub(super) nodes: Points,
}

impl Space {
    /// The network of a configuration on a box of one or two axes.
    ///
    /// # Errors
    /// If the box has no interior.
    pub fn new(
        config: &InsrConfig,
        axes: &[Axis],
        evolution: impl Evolution + 'static,
    ) -> Result<Arc<Self>, NoInterior> {
        interior(axes)?;
        let d = axes.len();
        let embedding = axes.iter().enumerate().fold(Embedding::default(), |e, (a, axis)| {
            if axis.periodic {
                e.periodic(d, a, std::f64::consts::TAU / axis.length, config.harmonics)
            } else {
                e.affine(d, a, (axis.origin, axis.origin + axis.length))
            }
        });
        let network = Mlp::new(embedding, config.width, config.depth, 1, config.activation, config.omega);
        Ok(Arc::new(Self {
            ansatz: Ansatz { network, axes: axes.to_vec() },
            evolution: Box::new(evolution),
            nodes: Points::quadrature(axes, NODES[d.min(2) - 1]),
        }))
    }

    /// The axes of the box.
    pub fn axes(&self) -> &[Axis] {
        &self.ansatz.axes
    }

    /// The number of weights.
    pub fn parameters(&self) -> usize {
        self.ansatz.network.parameters()
    }

    /// The entries of `q`.
    pub fn quantities(&self) -> usize {
        self.evolution.quantities()
    }

    /// Draws weights.
    pub fn draw(&self, rng: &mut impl Rng) -> Vec<f64> {
        self.ansatz.network.draw(rng)
    }

    /// `u` at points.
    pub fn values(&self, theta: &[f64], points: &Array2<f64>) -> Vec<f64> {
        self.by_chunks(points, |chunk| {
            let jets = self.ansatz.jets(theta, chunk.view(), &Directions::new(points.ncols()));
            jets.values.column(0).to_vec()
        })
        .concat()
    }

    /// `q` at points, `[quantity, point]`.
    pub fn quantity(&self, theta: &[f64], points: &Array2<f64>) -> Array2<f64> {
        let directions = self.evolution.quantity_directions();
        let (kinds, width) = (self.quantities(), directions.components());
        self.rows(points, theta, &directions, |_, jet, out| {
            self.evolution.quantity(&directions, jet, out, &mut vec![0.0; kinds * width]);
        })
    }

    /// `f` at points, `[quantity, point]`.
    pub fn slope(&self, t: f64, theta: &[f64], points: &Array2<f64>) -> Array2<f64> {
        let directions = self.evolution.slope_directions();
        let (kinds, width) = (self.quantities(), directions.components());
        self.rows(points, theta, &directions, |x, jet, out| {
            self.evolution.slope(t, x, jet, out, &mut vec![0.0; kinds * width]);
        })
    }

    fn rows(
        &self,
        points: &Array2<f64>,
        theta: &[f64],
        directions: &Directions,
        write: impl Fn(&[f64], &[f64], &mut [f64]) + Sync,
    ) -> Array2<f64> {
        let kinds = self.quantities();
        let parts = self.by_chunks(points, |chunk| {
            let jets = self.ansatz.jets(theta, chunk.view(), directions);
            let (mut out, mut q) = (Array2::zeros((kinds, chunk.nrows())), vec![0.0; kinds]);
            for (n, (x, jet)) in chunk.rows().into_iter().zip(jets.values.rows()).enumerate() {
                write(&x.to_vec(), &jet.to_vec(), &mut q);
                out.column_mut(n).assign(&ndarray::aview1(&q));
            }
            out
        });
        let views: Vec<_> = parts.iter().map(|p| p.view()).collect();
        ndarray::concatenate(Dimension(1), &views).unwrap_or_else(|_| Array2::zeros((kinds, 0)))
    }

    fn by_chunks<T: Send>(&self, points: &Array2<f64>, visit: impl Fn(Array2<f64>) -> T + Sync) -> Vec<T> {
        let n = points.nrows();
        let starts: Vec<usize> = (0..n).step_by(CHUNK).collect();
        starts
            .into_par_iter()
            .map(|a| visit(points.slice(s![a..(a + CHUNK).min(n), ..]).to_owned()))
            .collect()
    }
}

impl std::fmt::Debug for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Space").field("ansatz", &self.ansatz).finish_non_exhaustive()
    }
}
