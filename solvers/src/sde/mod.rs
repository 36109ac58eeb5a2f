//! Stochastic differential equations, and what their solution means.

mod convert;
mod on_path;

pub(crate) use convert::Correction;
pub use convert::{InIto, InStratonovich};
pub use on_path::OnPath;

use serde::{Deserialize, Serialize};

use crate::brownian::Noise;
use crate::state::State;

/// A stochastic differential equation `dy = f(t, y) dt + g(t, y) dW`, with `W` of as many components as `dW` has.
///
/// Which solution is meant, and how its noise enters, are types: a method states by its bounds what it converges to, so a pairing that
/// would converge to another solution does not compile.
///
/// ```
/// use flowmap_solvers::sde::{Diagonal, Ito, Sde};
///
/// /// Geometric Brownian motion `dy = μ y dt + σ y dW`.
/// struct Asset { drift: f64, volatility: f64 }
///
/// impl Sde<[f64; 1]> for Asset {
///     type Noise = [f64; 1];
///     type Calculus = Ito;
///     type Structure = Diagonal;
///     fn noise_like(&self, _y: &[f64; 1]) -> [f64; 1] { [0.0] }
///     fn drift(&mut self, _t: f64, y: &[f64; 1], out: &mut [f64; 1]) { out[0] = self.drift * y[0]; }
///     fn diffusion(&mut self, _t: f64, y: &[f64; 1], dw: &[f64; 1], out: &mut [f64; 1]) {
///         out[0] = self.volatility * y[0] * dw[0];
///     }
/// }
/// ```
pub trait Sde<Y: State> {
    /// Where `dW` lives.
    type Noise: Noise;
    /// How `g dW` is meant: [`Ito`] or [`Stratonovich`].
    type Calculus: Calculus;
    /// How the noise enters: [`Additive`], [`Diagonal`], [`Commutative`] or [`General`].
    type Structure: Structure;

    /// A zero `dW` for a state like `y`.
    fn noise_like(&self, y: &Y) -> Self::Noise;

    /// Writes `f(t, y)` into `out`, which has the shape of `y` and arbitrary content.
    fn drift(&mut self, t: f64, y: &Y, out: &mut Y);

    /// Writes `g(t, y) dw` into `out`, which has the shape of `y` and arbitrary content.
    fn diffusion(&mut self, t: f64, y: &Y, dw: &Self::Noise, out: &mut Y);
}

/// An equation whose diffusion can be differentiated along a direction; what Milstein's method and the change of calculus need.
pub trait DiffusionDerivative<Y: State>: Sde<Y> {
    /// Writes `d/dε g(t, y + ε v) dw` at `ε = 0` into `out`, which has arbitrary content.
    fn diffusion_derivative(&mut self, t: f64, y: &Y, v: &Y, dw: &Self::Noise, out: &mut Y);
}

/// An equation whose drift and diffusion can be differentiated in reverse.
pub trait SdeVectorJacobian<Y: State>: Sde<Y> {
    /// Where the gradient with respect to the parameters is summed; `()` if there are none.
    type Gradient: Clone;

    /// A zero gradient.
    fn zero_gradient(&self) -> Self::Gradient;

    /// Adds `scale · (∂f/∂y)ᵀ v` at `(t, y)` to `y_bar`, and `scale · (∂f/∂θ)ᵀ v` to `gradient`.
    fn drift_vector_jacobian(
        &mut self,
        t: f64,
        y: &Y,
        v: &Y,
        scale: f64,
        y_bar: &mut Y,
        gradient: &mut Self::Gradient,
    );

    /// Adds `(∂(g dw)/∂y)ᵀ v` at `(t, y)` to `y_bar`, and `(∂(g dw)/∂θ)ᵀ v` to `gradient`.
    fn diffusion_vector_jacobian(
        &mut self,
        t: f64,
        y: &Y,
        dw: &Self::Noise,
        v: &Y,
        y_bar: &mut Y,
        gradient: &mut Self::Gradient,
    );
}

mod sealed {
    pub trait Sealed {}
}

/// What `∫ g dW` means: where in a step the diffusion is evaluated.
pub trait Calculus: sealed::Sealed + 'static {
    /// As a value.
    const READING: Reading;
}

/// How the noise enters an equation.
pub trait Structure: sealed::Sealed + 'static {
    /// As a value.
    const KIND: NoiseKind;
}

/// A [`Calculus`] as a value, for configs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// [`Ito`].
    #[default]
    Ito,
    /// [`Stratonovich`].
    Stratonovich,
}

impl std::fmt::Display for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ito => "Itô",
            Self::Stratonovich => "Stratonovich",
        })
    }
}

/// A [`Structure`] as a value, from the most special to the most general.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoiseKind {
    /// [`Additive`].
    Additive,
    /// [`Diagonal`].
    Diagonal,
    /// [`Commutative`].
    Commutative,
    /// [`General`].
    General,
}

impl std::fmt::Display for NoiseKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Additive => "additive",
            Self::Diagonal => "diagonal",
            Self::Commutative => "commutative",
            Self::General => "general",
        })
    }
}

/// Noise whose fields commute, `(∂gⱼ/∂y) gₖ = (∂gₖ/∂y) gⱼ` for all columns of `g`: methods of order one need no Lévy area.
#[diagnostic::on_unimplemented(
    message = "the noise is not known to commute: it is `{Self}`",
    note = "without the Lévy area between the components this method loses its order; take a Runge-Kutta method over `OnPath`, or SPaRK"
)]
pub trait Commutes: Structure {}

macro_rules! markers {
    ($kind:ident, $value:ident: $type:ident; $($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;
        impl sealed::Sealed for $name {}
        impl $kind for $name {
            const $value: $type = $type::$name;
        })*
    };
}

markers! { Calculus, READING: Reading;
    /// The diffusion at the start of a step: the integral is a martingale, and the chain rule has a second-order term.
    Ito,
    /// The diffusion at the middle of a step: the chain rule is the ordinary one, and smooth approximations of `W` lead to it.
    Stratonovich,
}

markers! { Structure, KIND: NoiseKind;
    /// `g` does not depend on `y`; both calculi agree.
    Additive,
    /// The `i`-th noise moves the `i`-th entry of `y` alone, by an amount that depends on this entry alone.
    Diagonal,
    /// The columns of `g` commute as vector fields.
    Commutative,
    /// Nothing is known of `g`.
    General,
}

impl Commutes for Additive {}
impl Commutes for Diagonal {}
impl Commutes for Commutative {}

/// A pair of calculus and structure whose equations have the same solution when they are read in the calculus `C`.
#[diagnostic::on_unimplemented(
    message = "the method converges to the solution in the calculus `{C}`, which is not the one meant by this equation, `{Self}`",
    note = "take a method of the equation's calculus, or change the equation by `InStratonovich` or `InIto`, which correct the drift"
)]
pub trait MeansIn<C: Calculus> {}

impl<N: Structure> MeansIn<Ito> for (Ito, N) {}
impl<N: Structure> MeansIn<Stratonovich> for (Stratonovich, N) {}
impl MeansIn<Stratonovich> for (Ito, Additive) {}
impl MeansIn<Ito> for (Stratonovich, Additive) {}

impl<Y: State, S: Sde<Y> + ?Sized> Sde<Y> for &mut S {
    type Noise = S::Noise;
    type Calculus = S::Calculus;
    type Structure = S::Structure;
    fn noise_like(&self, y: &Y) -> Self::Noise {
        (**self).noise_like(y)
    }
    fn drift(&mut self, t: f64, y: &Y, out: &mut Y) {
        (**self).drift(t, y, out);
    }
    fn diffusion(&mut self, t: f64, y: &Y, dw: &Self::Noise, out: &mut Y) {
        (**self).diffusion(t, y, dw, out);
    }
}

impl<Y: State, S: DiffusionDerivative<Y> + ?Sized> DiffusionDerivative<Y> for &mut S {
    fn diffusion_derivative(&mut self, t: f64, y: &Y, v: &Y, dw: &Self::Noise, out: &mut Y) {
        (**self).diffusion_derivative(t, y, v, dw, out);
    }
}
