//! The same equation in the other calculus.

use super::{DiffusionDerivative, Ito, Sde, Stratonovich};
use crate::brownian::Noise;
use crate::state::State;

/// An Itô equation, written for Stratonovich methods: the same solution, with the drift `f − ½ Σⱼ (∂gⱼ/∂y) gⱼ`.
#[derive(Clone, Debug)]
pub struct InStratonovich<S, Y> {
    sde: S,
    correction: Correction<Y>,
}

/// A Stratonovich equation, written for Itô methods: the same solution, with the drift `f + ½ Σⱼ (∂gⱼ/∂y) gⱼ`.
#[derive(Clone, Debug)]
pub struct InIto<S, Y> {
    sde: S,
    correction: Correction<Y>,
}

/// Scratch space for `½ Σⱼ (∂gⱼ/∂y) gⱼ`, `gⱼ` the columns of `g`.
#[derive(Clone, Debug)]
pub(crate) struct Correction<Y> {
    column: Y,
    derivative: Y,
}

impl<Y: State> Correction<Y> {
    pub(crate) fn new(like: &Y) -> Self {
        Self { column: like.zeros_like(), derivative: like.zeros_like() }
    }

    /// Adds `a ½ Σⱼ (∂gⱼ/∂y) gⱼ` at `(t, y)` to `out`.
    pub(crate) fn add<S: DiffusionDerivative<Y>>(&mut self, sde: &mut S, a: f64, t: f64, y: &Y, out: &mut Y) {
        let mut direction = sde.noise_like(y);
        let (rows, components) = direction.shape();
        let mut values = vec![0.0; rows * components];
        for j in 0..components {
            values.iter_mut().enumerate().for_each(|(i, v)| *v = f64::from(i % components == j));
            direction.fill(&values);
            sde.diffusion(t, y, &direction, &mut self.column);
            sde.diffusion_derivative(t, y, &self.column, &direction, &mut self.derivative);
            out.axpy(0.5 * a, &self.derivative);
        }
    }
}

macro_rules! converted {
    ($name:ident, $from:ident, $to:ident, $sign:literal) => {
        impl<Y: State, S: DiffusionDerivative<Y, Calculus = $from>> $name<S, Y> {
            /// Changes the calculus; `like` gives the shape of the state.
            pub fn new(sde: S, like: &Y) -> Self {
                Self { sde, correction: Correction::new(like) }
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
