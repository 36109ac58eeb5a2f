//! The same equation in the other calculus.

use super::{DiffusionDerivative, Ito, NoiseKind, Sde, Stratonovich, Structure};
use crate::brownian::Noise;
use crate::state::State;

/// An Itô equation, written for Stratonovich methods: the same solution, with the drift `f − ½ Σⱼ (∂gⱼ/∂y) gⱼ`.
#[derive(Clone, Debug)]
pub struct InStratonovich<S: Sde<Y>, Y: State> {
    sde: S,
    correction: Correction<S::Noise, Y>,
}

/// A Stratonovich equation, written for Itô methods: the same solution, with the drift `f + ½ Σⱼ (∂gⱼ/∂y) gⱼ`.
#[derive(Clone, Debug)]
pub struct InIto<S: Sde<Y>, Y: State> {
    sde: S,
    correction: Correction<S::Noise, Y>,
}

/// `½ Σⱼ (∂gⱼ/∂y) gⱼ`, `gⱼ` the columns of `g`.
#[derive(Clone, Debug)]
pub(crate) struct Correction<W, Y> {
    /// The unit noises; of diagonal noise, whose columns do not meet, their sum.
    directions: Vec<W>,
    column: Y,
    derivative: Y,
}

impl<Y: State, W: Noise> Correction<W, Y> {
    pub(crate) fn new<S: Sde<Y, Noise = W>>(sde: &S, like: &Y) -> Self {
        let zero = sde.noise_like(like);
        let (rows, components) = zero.shape();
        let direction = |chosen: &dyn Fn(usize) -> bool| {
            let values: Vec<f64> =
                (0..rows * components).map(|i| f64::from(chosen(i % components))).collect();
            let mut direction = zero.clone();
            direction.fill(&values);
            direction
        };
        let directions = match S::Structure::KIND {
            NoiseKind::Additive => Vec::new(),
            NoiseKind::Diagonal => vec![direction(&|_| true)],
            NoiseKind::Commutative | NoiseKind::General => {
                (0..components).map(|j| direction(&|c| c == j)).collect()
            }
        };
        Self { directions, column: like.zeros_like(), derivative: like.zeros_like() }
    }

    /// Adds `a ½ Σⱼ (∂gⱼ/∂y) gⱼ` at `(t, y)` to `out`.
    pub(crate) fn add<S: DiffusionDerivative<Y, Noise = W>>(
        &mut self,
        sde: &mut S,
        a: f64,
        t: f64,
        y: &Y,
        out: &mut Y,
    ) {
        for direction in &self.directions {
            sde.diffusion(t, y, direction, &mut self.column);
            sde.diffusion_derivative(t, y, &self.column, direction, &mut self.derivative);
            out.axpy(0.5 * a, &self.derivative);
        }
    }
}

macro_rules! converted {
    ($name:ident, $from:ident, $to:ident, $sign:literal) => {
        impl<Y: State, S: DiffusionDerivative<Y, Calculus = $from>> $name<S, Y> {
            /// Changes the calculus; `like` gives the shape of the state.
            pub fn new(sde: S, like: &Y) -> Self {
                Self { correction: Correction::new(&sde, like), sde }
            }
        }

        impl<Y: State, S: DiffusionDerivative<Y, Calculus = $from>> Sde<Y> for $name<S, Y> {
            type Noise = S::Noise;
            type Calculus = $to;
            type Structure = S::Structure;

            fn noise_like(&self, y: &Y) -> S::Noise {
                self.sde.noise_like(y)
            }

            fn drift(&mut self, t: f64, y: &Y, out: &mut Y) {
                self.sde.drift(t, y, out);
                self.correction.add(&mut self.sde, $sign, t, y, out);
            }

            fn diffusion(&mut self, t: f64, y: &Y, dw: &S::Noise, out: &mut Y) {
                self.sde.diffusion(t, y, dw, out);
            }
        }

        impl<Y: State, S: DiffusionDerivative<Y, Calculus = $from>> DiffusionDerivative<Y> for $name<S, Y> {
            fn diffusion_derivative(&mut self, t: f64, y: &Y, v: &Y, dw: &S::Noise, out: &mut Y) {
                self.sde.diffusion_derivative(t, y, v, dw, out);
            }
        }
    };
}

converted!(InStratonovich, Ito, Stratonovich, -1.0);
converted!(InIto, Stratonovich, Ito, 1.0);
