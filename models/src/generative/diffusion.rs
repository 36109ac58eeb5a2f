//! Samplers of a diffusion: the process reversed, alone and with a corrector.

use burn::tensor::Tensor;
use flowmap_solvers::brownian::{Brownian, Path};
use flowmap_solvers::field::VectorField;
use flowmap_solvers::increment::Increment;
use flowmap_solvers::sde::{Additive, Ito, OnPath, Sde};

use super::ScoreSde;

/// The process backwards in time, `dx = (f x − g² ∇log p_t) dt + g dW` with `dt < 0`: its noise does not depend on the state, so
/// both calculi agree.
///
/// B. D. O. Anderson, Stoch. Processes Appl. 12 (1982) 313-326.
pub struct Reversed<'a>(pub &'a ScoreSde);

impl VectorField<Tensor<2>> for Reversed<'_> {
    fn eval(&mut self, t: f64, x: &Tensor<2>, dx: &mut Tensor<2>) {
        let process = self.0.process();
        let score = self.0.score(t, x.clone());
        *dx = x.clone().mul_scalar(process.drift(t)) - score.mul_scalar(process.diffusion_squared(t));
    }
}

impl Sde<Tensor<2>> for Reversed<'_> {
    type Noise = Tensor<2>;
    type Calculus = Ito;
    type Structure = Additive;

    fn noise_like(&self, x: &Tensor<2>) -> Tensor<2> {
        x.zeros_like()
    }

    fn drift(&mut self, t: f64, x: &Tensor<2>, out: &mut Tensor<2>) {
        self.eval(t, x, out);
    }

    fn diffusion(&mut self, t: f64, _x: &Tensor<2>, dw: &Tensor<2>, out: &mut Tensor<2>) {
        *out = dw.clone().mul_scalar(self.0.process().diffusion_squared(t).sqrt());
    }
}

/// Langevin's equation at one time, by which points approach the law there: after a step of the reversed process it corrects
/// what the step has left wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corrector {
    /// Steps of it after each of the process.
    pub steps: usize,
    /// The ratio `r` of the norm of the score's part to that of the noise in a step.
    pub ratio: f64,
}

/// Points from noise `x`, `[row, coordinate]`, by `steps` Euler-Maruyama steps of the reversed process, of one size, each followed
/// by those of a corrector if there is one; and the evaluations of the network, for all rows at once.
///
/// A step of the corrector is `x ← x + η ∇log p_t + √(2η) ξ` with `η = 2 (r |ξ|/|∇log p_t|)²` from the mean norms, Y. Song et
/// al., ICLR 2021, algorithm 5 (whose factor `α` is left at one).
pub fn reverse(
    model: &ScoreSde,
    x: Tensor<2>,
    steps: usize,
    seed: u64,
    corrector: Option<Corrector>,
) -> (Tensor<2>, u64) {
    let dt = (model.start() - 1.0) / steps as f64;
    let path = Brownian::on_grid(seed, 1.0, dt, steps as u64, &x);
    let mut reversed = OnPath::new(Reversed(model), path, &x);
    // The corrector has a time of its own, one unit a step.
    let corrections = corrector.map_or(0, |c| c.steps * steps);
    let mut noise = Brownian::on_grid(!seed, 0.0, 1.0, corrections as u64, &x);
    let (mut x, mut change, mut done) = (x.clone(), x.zeros_like(), 0);
    for i in 0..steps {
        let (t, next) = (1.0 + i as f64 * dt, 1.0 + (i + 1) as f64 * dt);
        reversed.increment(t, next, 0.0, &x, &mut change);
        x = x + change.clone();
        let Some(c) = corrector else { continue };
        for _ in 0..c.steps {
            let score = model.score(next, x.clone());
            let mut xi = x.zeros_like();
            noise.increment(done as f64, (done + 1) as f64, &mut xi);
            done += 1;
            let norm = |x: &Tensor<2>| x.clone().powi_scalar(2).sum_dim(1).sqrt().mean().into_scalar::<f64>();
            let eta = 2.0 * (c.ratio * norm(&xi) / norm(&score)).powi(2);
            x = x + score.mul_scalar(eta) + xi.mul_scalar((2.0 * eta).sqrt());
        }
    }
    (x, (steps + corrections) as u64)
}
