//! An equation on a given path.

use super::{DiffusionDerivative, MeansIn, Sde, SdeVectorJacobian, Stratonovich};
use crate::brownian::{LevyPath, Path};
use crate::increment::{Increment, PullBack};
use crate::state::State;

/// An equation and the path that drives it: with the noise given, a solve is as deterministic as an ordinary one.
///
/// A Stratonovich equation (or one with additive noise) is an [`Increment`]: methods of ordinary equations, written with increments,
/// converge to its solution, and their backward steps and gradients come with them. An Itô equation is not, and does not compile:
///
/// ```compile_fail,E0277
/// use flowmap_solvers::brownian::Brownian;
/// use flowmap_solvers::increment::Increment;
/// use flowmap_solvers::sde::{Diagonal, Ito, OnPath, Sde};
///
/// struct Asset;
/// impl Sde<[f64; 1]> for Asset {
///     type Noise = [f64; 1];
///     type Calculus = Ito;
///     type Structure = Diagonal;
///     fn noise_like(&self, _y: &[f64; 1]) -> [f64; 1] { [0.0] }
///     fn drift(&mut self, _t: f64, y: &[f64; 1], out: &mut [f64; 1]) { *out = *y; }
///     fn diffusion(&mut self, _t: f64, y: &[f64; 1], dw: &[f64; 1], out: &mut [f64; 1]) { out[0] = y[0] * dw[0]; }
/// }
///
/// fn step<I: Increment<[f64; 1]>>(_: I) {}
/// step(OnPath::new(Asset, Brownian::new(0, 0.0, 1.0, &[0.0]), &[1.0]));
/// ```
#[derive(Clone, Debug)]
pub struct OnPath<S: Sde<Y>, P, Y: State> {
    /// The equation.
    pub sde: S,
    /// The path.
    pub path: P,
    dw: S::Noise,
    area: S::Noise,
    /// The interval that `dw` belongs to, and whether `area` does.
    known: Option<(f64, f64, bool)>,
    scratch: Y,
}

impl<Y: State, S: Sde<Y>, P> OnPath<S, P, Y> {
    /// Puts an equation on a path; `like` gives the shape of the state.
    pub fn new(sde: S, path: P, like: &Y) -> Self {
        let dw = sde.noise_like(like);
        Self { area: dw.zeros_like(), dw, known: None, scratch: like.zeros_like(), sde, path }
    }
}

impl<Y: State, S: Sde<Y>, P: Path<S::Noise>> OnPath<S, P, Y> {
    /// Brings the increment over `[t0, t1]` into `dw`; the stages of a step ask for the same one, a step back for the reverse.
    #[inline]
    fn prepare(&mut self, t0: f64, t1: f64) {
        match self.known {
            Some((a, b, _)) if (a, b) == (t0, t1) => {}
            Some((a, b, area)) if (a, b) == (t1, t0) => {
                self.dw.scale(-1.0);
                self.known = Some((t0, t1, area));
            }
            _ => {
                self.path.increment(t0, t1, &mut self.dw);
                self.known = Some((t0, t1, false));
            }
        }
    }

    /// `W(t1) − W(t0)`.
    #[inline]
    pub fn noise(&mut self, t0: f64, t1: f64) -> &S::Noise {
        self.prepare(t0, t1);
        &self.dw
    }

    /// Writes `f(t, y)` into `out`.
    #[inline]
    pub fn drift(&mut self, t: f64, y: &Y, out: &mut Y) {
        self.sde.drift(t, y, out);
    }

    /// Writes `g(t, y) (W(t1) − W(t0))` into `out`.
    #[inline]
    pub fn diffusion(&mut self, t0: f64, t1: f64, t: f64, y: &Y, out: &mut Y) {
        self.prepare(t0, t1);
        self.sde.diffusion(t, y, &self.dw, out);
    }
}

impl<Y: State, S: DiffusionDerivative<Y>, P: Path<S::Noise>> OnPath<S, P, Y> {
    /// Writes the derivative of `g(t, y) (W(t1) − W(t0))` along `v` into `out`.
    #[inline]
    pub fn diffusion_derivative(&mut self, t0: f64, t1: f64, t: f64, y: &Y, v: &Y, out: &mut Y) {
        self.prepare(t0, t1);
        self.sde.diffusion_derivative(t, y, v, &self.dw, out);
    }
}

impl<Y: State, S: Sde<Y>, P: LevyPath<S::Noise>> OnPath<S, P, Y> {
    /// Brings increment and area over `[t0, t1]` into `dw` and `area`.
    #[inline]
    fn prepare_area(&mut self, t0: f64, t1: f64) {
        if self.known != Some((t0, t1, true)) {
            self.path.increment_and_area(t0, t1, &mut self.dw, &mut self.area);
            self.known = Some((t0, t1, true));
        }
    }

    /// Writes `g(t, y) W` into `out`, `W` the increment over `[t0, t1]`, drawn together with the area.
    #[inline]
    pub fn along_increment(&mut self, (t0, t1): (f64, f64), t: f64, y: &Y, out: &mut Y) {
        self.prepare_area(t0, t1);
        self.sde.diffusion(t, y, &self.dw, out);
    }

    /// Writes `g(t, y) H` into `out`, `H` the space-time Lévy area over `[t0, t1]`.
    #[inline]
    pub fn along_area(&mut self, (t0, t1): (f64, f64), t: f64, y: &Y, out: &mut Y) {
        self.prepare_area(t0, t1);
        self.sde.diffusion(t, y, &self.area, out);
    }
}

impl<Y: State, S: Sde<Y>, P: Path<S::Noise>> Increment<Y> for OnPath<S, P, Y>
where
    (S::Calculus, S::Structure): MeansIn<Stratonovich>,
{
    #[inline]
    fn increment(&mut self, t0: f64, t1: f64, c: f64, y: &Y, out: &mut Y) {
        let t = t0 + c * (t1 - t0);
        self.prepare(t0, t1);
        self.sde.diffusion(t, y, &self.dw, out);
        self.sde.drift(t, y, &mut self.scratch);
        out.axpy(t1 - t0, &self.scratch);
    }
}

impl<Y: State, S: SdeVectorJacobian<Y>, P: Path<S::Noise>> PullBack<Y> for OnPath<S, P, Y>
where
    (S::Calculus, S::Structure): MeansIn<Stratonovich>,
{
    type Gradient = S::Gradient;

    fn zero_gradient(&self) -> Self::Gradient {
        self.sde.zero_gradient()
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
        let t = t0 + c * (t1 - t0);
        self.prepare(t0, t1);
        self.sde.drift_vector_jacobian(t, y, v, t1 - t0, y_bar, gradient);
        self.sde.diffusion_vector_jacobian(t, y, &self.dw, v, y_bar, gradient);
    }
}
