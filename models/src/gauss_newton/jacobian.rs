//! The derivatives of residuals with respect to the weights: a matrix, or for layers of a network its factors.

use ndarray::{Array2, Array3, ArrayViewMut3, Axis};
use rayon::prelude::*;

use super::problem::{finite, linearised, split};
use super::{GaussNewtonError, LeastSquares};
use crate::matrix::{
    Strided, add_gram, add_outer_gram, gram, outer, product, product_with, transposed_product,
};

/// Rows of factors that are worked on together.
const ROWS: usize = 128;

/// Weights `[input, output]` that stand one after the other from `place` on, and the number of outer products that a row's
/// derivatives with respect to them are the sum of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The first weight.
    pub place: usize,
    /// Rows of the weights; where a bias follows them, it is one of these rows.
    pub inputs: usize,
    /// Columns.
    pub outputs: usize,
    /// Outer products.
    pub terms: usize,
}

/// Where a chunk writes its factors of a layer: the derivatives of row `n` are `Σ_t h[t, n, ·] ⊗ d[t, n, ·]`.
#[derive(Debug)]
pub struct FactorsMut<'a> {
    /// `[term, row, input]`, zero at first.
    pub h: ArrayViewMut3<'a, f64>,
    /// `[term, row, output]`, zero at first.
    pub d: ArrayViewMut3<'a, f64>,
}

/// `J`, `[row, weight]`.
pub(super) enum Jacobian {
    Whole(Array2<f64>),
    Factors { rows: usize, parameters: usize, parts: Vec<Part> },
}

/// What belongs to a layer.
pub(super) struct Part {
    layer: Layer,
    h: Array3<f64>,
    d: Array3<f64>,
}

impl Part {
    fn zeros(layer: Layer, rows: usize) -> Self {
        let zeros = |width| Array3::zeros((layer.terms, rows, width));
        Self { layer, h: zeros(layer.inputs), d: zeros(layer.outputs) }
    }

    /// Whether products of the factors are cheaper than those of the rows.
    fn pays(&self) -> bool {
        let Layer { inputs, outputs, terms, .. } = self.layer;
        terms * terms * (inputs + outputs) < inputs * outputs
    }

    /// The derivatives themselves, `[row, input · output]`.
    fn whole(&self) -> Array2<f64> {
        let Layer { inputs, outputs, terms, .. } = self.layer;
        let rows = self.h.len_of(Axis(1));
        let mut whole = Array2::zeros((rows, inputs * outputs));
        if let (Some(h), Some(d)) = (self.h.as_slice(), self.d.as_slice()) {
            whole.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(|(n, row)| {
                let Some(row) = row.into_slice() else { return };
                let (h, d) = (&h[n * inputs..], &d[n * outputs..]);
                outer(h, rows * inputs, d, rows * outputs, terms, false, row, outputs);
            });
        }
        whole
    }

    /// Adds `J v` of the layer's weights `v` to the rows from `first` on.
    fn add_product(&self, v: &[f64], first: usize, to: &mut [f64]) {
        let Layer { place, inputs, outputs, terms } = self.layer;
        let weights = &v[place..place + inputs * outputs];
        let (Some(h), Some(d)) = (self.h.as_slice(), self.d.as_slice()) else { return };
        let (rows, count) = (self.h.len_of(Axis(1)), to.len());
        let mut image = vec![0.0; count * outputs];
        for t in 0..terms {
            let at = t * rows + first;
            let h = &h[at * inputs..][..count * inputs];
            product(Strided { values: h, row: inputs, column: 1 }, weights, outputs, &mut image, false);
            let d = d[at * outputs..].chunks_exact(outputs);
            for ((to, image), d) in to.iter_mut().zip(image.chunks_exact(outputs)).zip(d) {
                *to += crate::matrix::dot(image, d);
            }
        }
    }

    /// Adds `Jᵀ y` of the rows from `first` on to the layer's place in `to`.
    fn add_transposed(&self, y: &[f64], first: usize, to: &mut [f64]) {
        let Layer { place, inputs, outputs, terms } = self.layer;
        let to = &mut to[place..place + inputs * outputs];
        let (Some(h), Some(d)) = (self.h.as_slice(), self.d.as_slice()) else { return };
        let (rows, count) = (self.h.len_of(Axis(1)), y.len());
        let mut scaled = vec![0.0; count * outputs];
        for t in 0..terms {
            let at = t * rows + first;
            let d = d[at * outputs..].chunks_exact(outputs);
            for ((scaled, d), y) in scaled.chunks_exact_mut(outputs).zip(d).zip(y) {
                scaled.iter_mut().zip(d).for_each(|(s, d)| *s = y * d);
            }
            let h = &h[at * inputs..][..count * inputs];
            product(Strided { values: h, row: 1, column: inputs }, &scaled, outputs, to, true);
        }
    }
}

impl Jacobian {
    /// The residuals and their derivatives at `theta`; in factors where the problem has them and they are asked for.
    ///
    /// # Errors
    /// If a residual is not finite.
    pub(super) fn new(
        problem: &(impl LeastSquares + ?Sized),
        theta: &[f64],
        in_factors: bool,
    ) -> Result<(Vec<f64>, Self), GaussNewtonError> {
        let layers = if in_factors { problem.layers() } else { Vec::new() };
        if layers.is_empty() {
            let (r, whole) = linearised(problem, theta)?;
            return Ok((r, Self::Whole(whole)));
        }
        let rows = problem.rows();
        let mut r = vec![0.0; rows];
        let mut parts: Vec<_> = layers.into_iter().map(|layer| Part::zeros(layer, rows)).collect();
        let mut rest: Vec<_> = parts.iter_mut().map(|p| (p.h.view_mut(), p.d.view_mut())).collect();
        let work: Vec<_> = split(problem, &mut r)
            .into_iter()
            .map(|(chunk, r)| {
                let mut factors = Vec::with_capacity(rest.len());
                rest = std::mem::take(&mut rest)
                    .into_iter()
                    .map(|(h, d)| {
                        let (h, h_after) = h.split_at(Axis(1), r.len());
                        let (d, d_after) = d.split_at(Axis(1), r.len());
                        factors.push(FactorsMut { h, d });
                        (h_after, d_after)
                    })
                    .collect();
                (chunk, r, factors)
            })
            .collect();
        work.into_par_iter().for_each(|(chunk, r, factors)| problem.factors(theta, chunk, r, factors));
        finite(&r, 0)?;
        Ok((r, Self::Factors { rows, parameters: theta.len(), parts }))
    }

    /// The number of weights.
    pub(super) fn columns(&self) -> usize {
        match self {
            Self::Whole(j) => j.ncols(),
            Self::Factors { parameters, .. } => *parameters,
        }
    }

    /// `J Jᵀ`, or `Jᵀ J` if `transposed`: the lower triangle.
    pub(super) fn gram(&self, transposed: bool) -> Array2<f64> {
        match self {
            Self::Whole(j) => gram(j, transposed),
            Self::Factors { rows, parts, .. } => {
                let mut sum = Array2::zeros((*rows, *rows));
                for part in parts {
                    if part.pays() {
                        add_outer_gram(part.h.view(), part.d.view(), sum.view_mut());
                    } else {
                        add_gram(part.whole().view(), sum.view_mut());
                    }
                }
                sum
            }
        }
    }

    /// `J v`.
    pub(super) fn times(&self, v: &[f64]) -> Vec<f64> {
        match self {
            Self::Whole(j) => product_with(j, v),
            Self::Factors { rows, parts, .. } => {
                let mut out = vec![0.0; *rows];
                out.par_chunks_mut(ROWS).enumerate().for_each(|(chunk, out)| {
                    parts.iter().for_each(|part| part.add_product(v, chunk * ROWS, out));
                });
                out
            }
        }
    }

    /// `Jᵀ y`.
    pub(super) fn transposed_times(&self, y: &[f64]) -> Vec<f64> {
        match self {
            Self::Whole(j) => transposed_product(j, y),
            Self::Factors { parameters, parts, .. } => {
                let chunks: Vec<_> = y.par_chunks(ROWS).enumerate().collect();
                let sums: Vec<_> = chunks
                    .into_par_iter()
                    .map(|(chunk, y)| {
                        let mut sum = vec![0.0; *parameters];
                        parts.iter().for_each(|part| part.add_transposed(y, chunk * ROWS, &mut sum));
                        sum
                    })
                    .collect();
                let mut out = vec![0.0; *parameters];
                for sum in sums {
                    out.iter_mut().zip(&sum).for_each(|(o, s)| *o += s);
                }
                out
            }
        }
    }
}
