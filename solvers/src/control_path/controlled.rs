//! A controlled equation as an ordinary one.

use ndarray::Array3;

use super::{ControlError, ControlPath, Pieces};
use crate::field::VectorField;
use crate::increment::{Increment, PullBack, VectorJacobian};
use crate::state::DenseState;

/// A field of matrices, `f: ℝʰ → ℝʰˣᶜ`, by its products.
pub trait MatrixField {
    /// Writes `f(z) dx`, `h` numbers, into `out`.
    fn product(&mut self, z: &[f64], dx: &[f64], out: &mut [f64]);
}

/// A field of matrices whose products can be differentiated in reverse.
pub trait MatrixPullBack: MatrixField {
    /// Where the gradient with respect to the parameters is summed; `()` if there are none.
    type Gradient: Clone;

    /// A zero gradient.
    fn zero_gradient(&self) -> Self::Gradient;

    /// Of `p = f(z) dx` and a cotangent `v`: adds `scale · (∂p/∂z)ᵀ v` to `z_bar`, `scale · f(z)ᵀ v` to `dx_bar` and
    /// `scale · (∂p/∂θ)ᵀ v` to `gradient`.
    fn pull_back(
        &mut self,
        z: &[f64],
        dx: &[f64],
        v: &[f64],
        scale: f64,
        z_bar: &mut [f64],
        dx_bar: &mut [f64],
        gradient: &mut Self::Gradient,
    );
}

/// A field of matrices whose products can be differentiated forward, twice: what its Lie brackets are made of.
pub trait MatrixTangent: MatrixField {
    /// Writes the derivative of `f(z) dx` in the direction `w` of `z`.
    fn tangent(&mut self, z: &[f64], dx: &[f64], w: &[f64], out: &mut [f64]);

    /// Writes the second derivative of `f(z) dx` in the directions `w` and `u` of `z`.
    fn second_tangent(&mut self, z: &[f64], dx: &[f64], w: &[f64], u: &[f64], out: &mut [f64]);
}

/// `dz = f(z) dX` as `z' = f(z) X'(t)`, for a state `[row, h]` and a control for each row; rows share the field.
///
/// At a knot, where `X'` may jump, an [`Increment`] and a driver that [enters](Pieces::enter) the interval of a step take the
/// slope inside that interval; else it is that of the piece after the knot. Outside its knots a control is constant, so rows
/// may begin and end at times of their own.
///
/// P. Kidger, J. Morrill, J. Foster, T. Lyons, "Neural Controlled Differential Equations for Irregular Time Series",
/// NeurIPS 2020.
///
/// ```
/// use flowmap_solvers::control::Control;
/// use flowmap_solvers::control_path::{ControlPath, Controlled, Fill, LinearField, Samples, solve_pieces};
/// use flowmap_solvers::solve::SolveOptions;
/// use flowmap_solvers::stepper::explicit_rk::RK4;
/// use nalgebra::DMatrix;
/// use ndarray::array;
/// // dz = z dX is solved by z = z₀ exp(X(t) − X(0)).
/// let samples = Samples::new(&[0.0, 0.3, 1.0], array![[0.0], [1.0], [0.5]].view())?;
/// let path = ControlPath::linear(&samples, Fill::Interpolate)?;
/// let field = LinearField::new(vec![DMatrix::from_element(1, 1, 1.0)]);
/// let equation = Controlled::new(field, vec![path])?;
/// let mut options = SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 0.05 });
/// let solution = solve_pieces(&RK4, equation, &[2.0], &mut options);
/// assert!((solution.ys[0][0] - 2.0 * 0.5_f64.exp()).abs() < 1e-4);
/// # Ok::<(), flowmap_solvers::control_path::ControlError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Controlled<F> {
    field: F,
    paths: Vec<ControlPath>,
    /// A time inside the interval that a driver has entered.
    inside: Option<f64>,
    slope: Vec<f64>,
    slope_bar: Vec<f64>,
}

/// The gradient with respect to the parameters of a field and the coefficients of its controls.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlGradient<G> {
    /// Of the field.
    pub field: G,
    /// Of the coefficients of each control, `[piece, power, channel]`.
    pub paths: Vec<Array3<f64>>,
}

impl<F> Controlled<F> {
    /// Binds a field to a control for each row of the state.
    ///
    /// # Errors
    /// If there is no control, or they differ in their channels.
    pub fn new(field: F, paths: Vec<ControlPath>) -> Result<Self, ControlError> {
        let first = paths.first().ok_or(ControlError::NoControl)?.channels();
        for (index, path) in paths.iter().enumerate() {
            if path.channels() != first {
                return Err(ControlError::Channels { index, channels: path.channels(), first });
            }
        }
        Ok(Self { field, paths, inside: None, slope: vec![0.0; first], slope_bar: vec![0.0; first] })
    }

    /// The controls.
    pub fn paths(&self) -> &[ControlPath] {
        &self.paths
    }
}

impl<F: MatrixField> Controlled<F> {
    /// Writes `scale · f(z) X'(t)`, with the pieces to which `inside` belongs.
    fn slopes(&mut self, t: f64, inside: f64, scale: f64, z: &[f64], out: &mut [f64]) {
        let width = z.len() / self.paths.len();
        let rows = z.chunks_exact(width).zip(out.chunks_exact_mut(width));
        for (path, (z, out)) in self.paths.iter().zip(rows) {
            path.derivative_of(path.piece(inside), t, &mut self.slope);
            self.slope.iter_mut().for_each(|s| *s *= scale);
            self.field.product(z, &self.slope, out);
        }
    }
}

impl<F: MatrixPullBack> Controlled<F> {
    /// Adds the cotangents of `scale · f(z) X'(t)`.
    fn pull_slopes(
        &mut self,
        (t, inside, scale): (f64, f64, f64),
        z: &[f64],
        v: &[f64],
        z_bar: &mut [f64],
        gradient: &mut ControlGradient<F::Gradient>,
    ) {
        let width = z.len() / self.paths.len();
        let rows = z.chunks_exact(width).zip(v.chunks_exact(width)).zip(z_bar.chunks_exact_mut(width));
        for ((path, path_bar), ((z, v), z_bar)) in self.paths.iter().zip(&mut gradient.paths).zip(rows) {
            let piece = path.piece(inside);
            path.derivative_of(piece, t, &mut self.slope);
            self.slope_bar.fill(0.0);
            let (slope, slope_bar) = (&self.slope, &mut self.slope_bar);
            self.field.pull_back(z, slope, v, scale, z_bar, slope_bar, &mut gradient.field);
            path.pull_back(piece, t, slope_bar, path_bar);
        }
    }

    fn zero(&self) -> ControlGradient<F::Gradient> {
        let paths = self.paths.iter().map(|p| Array3::zeros(p.coefficients().raw_dim())).collect();
        ControlGradient { field: self.field.zero_gradient(), paths }
    }
}

impl<F> Pieces for Controlled<F> {
    fn knots(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.paths.iter().flat_map(ControlPath::knots).copied().collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    }

    fn enter(&mut self, a: f64, b: f64) {
        self.inside = Some(0.5 * (a + b));
    }
}

impl<Y: DenseState, F: MatrixField> VectorField<Y> for Controlled<F> {
    fn eval(&mut self, t: f64, y: &Y, dy: &mut Y) {
        self.slopes(t, self.inside.unwrap_or(t), 1.0, y.as_slice(), dy.as_mut_slice());
    }
}

impl<Y: DenseState, F: MatrixPullBack> VectorJacobian<Y> for Controlled<F> {
    type Gradient = ControlGradient<F::Gradient>;

    fn zero_gradient(&self) -> Self::Gradient {
        self.zero()
    }

    fn vector_jacobian(
        &mut self,
        t: f64,
        y: &Y,
        v: &Y,
        scale: f64,
        y_bar: &mut Y,
        gradient: &mut Self::Gradient,
    ) {
        let at = (t, self.inside.unwrap_or(t), scale);
        self.pull_slopes(at, y.as_slice(), v.as_slice(), y_bar.as_mut_slice(), gradient);
    }
}

impl<Y: DenseState, F: MatrixField> Increment<Y> for Controlled<F> {
    fn increment(&mut self, t0: f64, t1: f64, c: f64, y: &Y, out: &mut Y) {
        let (t, inside) = (t0 + c * (t1 - t0), 0.5 * (t0 + t1));
        self.slopes(t, inside, t1 - t0, y.as_slice(), out.as_mut_slice());
    }
}

impl<Y: DenseState, F: MatrixPullBack> PullBack<Y> for Controlled<F> {
    type Gradient = ControlGradient<F::Gradient>;

    fn zero_gradient(&self) -> Self::Gradient {
        self.zero()
    }

    fn pull_back(
        &mut self,
        t0: f64,
        t1: f64,
        c: f64,
        y: &Y,
        v: &Y,
        y_bar: &mut Y,
        gradient: &mut Self::Gradient,
    ) {
        let at = (t0 + c * (t1 - t0), 0.5 * (t0 + t1), t1 - t0);
        self.pull_slopes(at, y.as_slice(), v.as_slice(), y_bar.as_mut_slice(), gradient);
    }
}
