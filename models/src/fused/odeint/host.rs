//! The same field on the host in `f64`, for the steppers of the core.

use flowmap_solvers::field::{Separable, VectorField};
use flowmap_solvers::increment::VectorJacobian;
use ndarray::{Array, Array1, Dimension};
use pulp::{Arch, Simd, WithSimd};

use super::super::network::Aligned;
use super::block::Block;
use super::pack::{pack, unpack};
use super::{FieldKind, FieldSpec, SolveError};

/// A field with its parameters, for states `[dim]` or `[batch, dim]`.
#[derive(Clone, Debug)]
pub struct HostField {
    spec: FieldSpec,
    parameters: Vec<f64>,
}

impl HostField {
    /// From parameters in the order of [`FieldSpec::parameters`].
    ///
    /// # Errors
    /// If there are more or fewer.
    pub fn new(spec: FieldSpec, parameters: Vec<f64>) -> Result<Self, SolveError> {
        let (given, expected) = (parameters.len(), spec.parameters());
        if given != expected {
            return Err(SolveError::Parameters { given, expected });
        }
        Ok(Self { spec, parameters })
    }

    /// The field.
    pub fn spec(&self) -> &FieldSpec {
        &self.spec
    }

    /// The parameters.
    pub fn parameters(&self) -> &[f64] {
        &self.parameters
    }

    /// Writes `f(y)` of states one after the other.
    pub fn slope(&self, y: &[f64], dy: &mut [f64]) {
        let block = Block::new(&self.spec, &self.parameters);
        Arch::new().dispatch(Slope { block: &block, dim: self.spec.dim(), y, dy });
    }

    /// Adds `(∂f/∂y)ᵀ v` to `y_bar`, and `(∂f/∂θ)ᵀ v`, summed over the states, to `gradient`.
    pub fn pull_back(&self, y: &[f64], v: &[f64], y_bar: &mut [f64], gradient: &mut [f64]) {
        let block = Block::new(&self.spec, &self.parameters);
        Arch::new().dispatch(PullBack { block: &block, dim: self.spec.dim(), y, v, y_bar, gradient });
    }
}

struct Slope<'a> {
    block: &'a Block<'a, f64>,
    dim: usize,
    y: &'a [f64],
    dy: &'a mut [f64],
}

impl WithSimd for Slope<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut work = self.block.work::<S, 1>(1);
        let (mut y, mut dy) = (Aligned::lanes::<S>(self.dim), Aligned::lanes::<S>(self.dim));
        for first in (0..self.y.len() / self.dim).step_by(S::F64_LANES) {
            pack(self.y, self.dim, first, y.as_mut_slice());
            self.block.eval::<S, 1>(simd, &mut work, 0, y.get::<S>(), dy.get_mut::<S>());
            unpack(dy.as_slice(), self.dim, first, self.dy);
        }
    }
}

struct PullBack<'a> {
    block: &'a Block<'a, f64>,
    dim: usize,
    y: &'a [f64],
    v: &'a [f64],
    y_bar: &'a mut [f64],
    gradient: &'a mut [f64],
}

impl WithSimd for PullBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let dim = self.dim;
        let mut work = self.block.work::<S, 1>(1);
        let lanes = || Aligned::<f64>::lanes::<S>(dim);
        let (mut y, mut v, mut dy, mut y_bar) = (lanes(), lanes(), lanes(), lanes());
        for first in (0..self.y.len() / dim).step_by(S::F64_LANES) {
            pack(self.y, dim, first, y.as_mut_slice());
            pack(self.v, dim, first, v.as_mut_slice());
            pack(self.y_bar, dim, first, y_bar.as_mut_slice());
            self.block.eval::<S, 1>(simd, &mut work, 0, y.get::<S>(), dy.get_mut::<S>());
            self.block.pull_back::<S, 1>(
                simd,
                &mut work,
                0,
                y.get::<S>(),
                v.get::<S>(),
                y_bar.get_mut::<S>(),
            );
            self.block.collect::<S, 1>(simd, &mut work);
            unpack(y_bar.as_slice(), dim, first, self.y_bar);
        }
        self.block.gradients(simd, &work, self.gradient);
    }
}

impl<D: Dimension> VectorField<Array<f64, D>> for HostField {
    fn eval(&mut self, _t: f64, y: &Array<f64, D>, dy: &mut Array<f64, D>) {
        if let (Some(y), Some(dy)) = (y.as_slice(), dy.as_slice_mut()) {
            self.slope(y, dy);
        }
    }
}

impl<D: Dimension> VectorJacobian<Array<f64, D>> for HostField {
    type Gradient = Vec<f64>;

    fn zero_gradient(&self) -> Vec<f64> {
        vec![0.0; self.parameters.len()]
    }

    fn vector_jacobian(
        &mut self,
        _t: f64,
        y: &Array<f64, D>,
        v: &Array<f64, D>,
        scale: f64,
        y_bar: &mut Array<f64, D>,
        gradient: &mut Vec<f64>,
    ) {
        let v = v * scale;
        if let (Some(y), Some(v), Some(y_bar)) = (y.as_slice(), v.as_slice(), y_bar.as_slice_mut()) {
            self.pull_back(y, v, y_bar, gradient);
        }
    }
}

/// Only of [`FieldKind::Separable`]: velocities and forces are entries of `f(y)` that do not depend on what is left out.
impl Separable<Array1<f64>> for HostField {
    fn velocity(&mut self, p: &Array1<f64>, dq: &mut Array1<f64>) {
        debug_assert_eq!(self.spec.kind, FieldKind::Separable);
        let half = p.len();
        let (mut y, mut dy) = (vec![0.0; 2 * half], vec![0.0; 2 * half]);
        y[half..].iter_mut().zip(p).for_each(|(y, p)| *y = *p);
        self.slope(&y, &mut dy);
        dq.iter_mut().zip(&dy).for_each(|(d, v)| *d = *v);
    }

    fn force(&mut self, _t: f64, q: &Array1<f64>, dp: &mut Array1<f64>) {
        let half = q.len();
        let (mut y, mut dy) = (vec![0.0; 2 * half], vec![0.0; 2 * half]);
        y.iter_mut().zip(q).for_each(|(y, q)| *y = *q);
        self.slope(&y, &mut dy);
        dp.iter_mut().zip(&dy[half..]).for_each(|(d, v)| *d = *v);
    }
}
