//! Fields on the plane with their products, and solves of them that are differentiated in many ways.

// Every test that has this module uses a part of it.
#![allow(dead_code)]

use flowmap_solvers::control::Control;
use flowmap_solvers::gradient::{Adjoint, Checkpointed, Differentiated, Gradient, Loss, Reversible};
use flowmap_solvers::increment::{Ordinary, VectorJacobian};
use flowmap_solvers::solve::{SaveAt, Solution, SolveOptions, solve};
use flowmap_solvers::stepper::advance::Advance;
use flowmap_solvers::stepper::scheme::{Differentiable, Scheme};

/// A field on the plane with its product, of boxed closures so that all fields of the tests have one type.
pub(crate) struct BoxedField {
    pub(crate) parameters: usize,
    pub(crate) eval: Box<dyn FnMut(f64, &[f64; 2], &mut [f64; 2])>,
    pub(crate) pull: Box<dyn FnMut(f64, &[f64; 2], &[f64; 2], f64, &mut [f64; 2], &mut Vec<f64>)>,
}

impl flowmap_solvers::field::VectorField<[f64; 2]> for BoxedField {
    fn eval(&mut self, t: f64, y: &[f64; 2], dy: &mut [f64; 2]) {
        (self.eval)(t, y, dy);
    }
}

impl VectorJacobian<[f64; 2]> for BoxedField {
    type Gradient = Vec<f64>;
    fn zero_gradient(&self) -> Vec<f64> {
        vec![0.0; self.parameters]
    }
    fn vector_jacobian(
        &mut self,
        t: f64,
        y: &[f64; 2],
        v: &[f64; 2],
        scale: f64,
        y_bar: &mut [f64; 2],
        gradient: &mut Vec<f64>,
    ) {
        (self.pull)(t, y, v, scale, y_bar, gradient);
    }
}

const HIDDEN: usize = 16;

/// The parameters of a 2-16-2 tanh network: `W₁ (16×2), b₁, W₂ (2×16), b₂`, deterministic.
pub(crate) fn weights() -> Vec<f64> {
    (0..2 * HIDDEN + HIDDEN + 2 * HIDDEN + 2).map(|i| ((i * i + 3 * i) as f64 * 0.37).sin() * 0.6).collect()
}

/// `ẏ = W₂ tanh(W₁ y + b₁) + b₂ + (0, ½ cos t) `, with its product by hand.
pub(crate) fn network(theta: Vec<f64>) -> Ordinary<BoxedField> {
    const B1: usize = 2 * HIDDEN;
    const W2: usize = 3 * HIDDEN;
    const B2: usize = 5 * HIDDEN;
    let hidden = |theta: &[f64], y: &[f64; 2], j: usize| {
        (theta[2 * j] * y[0] + theta[2 * j + 1] * y[1] + theta[B1 + j]).tanh()
    };
    let other = theta.clone();
    Ordinary(BoxedField {
        parameters: theta.len(),
        eval: Box::new(move |t, y, dy| {
            *dy = [theta[B2], theta[B2 + 1] + 0.5 * t.cos()];
            for j in 0..HIDDEN {
                let h = hidden(&theta, y, j);
                dy[0] += theta[W2 + j] * h;
                dy[1] += theta[W2 + HIDDEN + j] * h;
            }
        }),
        pull: Box::new(move |_t, y, v, scale, y_bar, gradient| {
            let theta = &other;
            for i in 0..2 {
                gradient[B2 + i] += scale * v[i];
            }
            for j in 0..HIDDEN {
                let h = hidden(theta, y, j);
                gradient[W2 + j] += scale * v[0] * h;
                gradient[W2 + HIDDEN + j] += scale * v[1] * h;
                let by_h = scale * (v[0] * theta[W2 + j] + v[1] * theta[W2 + HIDDEN + j]) * (1.0 - h * h);
                gradient[2 * j] += by_h * y[0];
                gradient[2 * j + 1] += by_h * y[1];
                gradient[B1 + j] += by_h;
                y_bar[0] += by_h * theta[2 * j];
                y_bar[1] += by_h * theta[2 * j + 1];
            }
        }),
    })
}

/// `ẏ = −θ₀ y₀, −θ₁ y₁`.
pub(crate) fn decay(theta: Vec<f64>) -> Ordinary<BoxedField> {
    let other = theta.clone();
    Ordinary(BoxedField {
        parameters: 2,
        eval: Box::new(move |_t, y, dy| *dy = [-theta[0] * y[0], -theta[1] * y[1]]),
        pull: Box::new(move |_t, y, v, scale, y_bar, gradient| {
            for i in 0..2 {
                y_bar[i] -= scale * other[i] * v[i];
                gradient[i] -= scale * y[i] * v[i];
            }
        }),
    })
}

/// Van der Pol's oscillator, `ẋ = u`, `u̇ = μ(1 − x²)u − x`.
pub(crate) fn van_der_pol(theta: Vec<f64>) -> Ordinary<BoxedField> {
    let mu = theta[0];
    Ordinary(BoxedField {
        parameters: 1,
        eval: Box::new(move |_t, y, dy| *dy = [y[1], mu * (1.0 - y[0] * y[0]) * y[1] - y[0]]),
        pull: Box::new(move |_t, y, v, scale, y_bar, gradient| {
            y_bar[0] += scale * v[1] * (-2.0 * mu * y[0] * y[1] - 1.0);
            y_bar[1] += scale * (v[0] + v[1] * mu * (1.0 - y[0] * y[0]));
            gradient[0] += scale * v[1] * (1.0 - y[0] * y[0]) * y[1];
        }),
    })
}

/// A pendulum `q̇ = p`, `ṗ = −θ sin q`.
pub(crate) fn pendulum(theta: Vec<f64>) -> Ordinary<BoxedField> {
    let g = theta[0];
    Ordinary(BoxedField {
        parameters: 1,
        eval: Box::new(move |_t, y, dy| *dy = [y[1], -g * y[0].sin()]),
        pull: Box::new(move |_t, y, v, scale, y_bar, gradient| {
            y_bar[0] -= scale * v[1] * g * y[0].cos();
            y_bar[1] += scale * v[0];
            gradient[0] -= scale * v[1] * y[0].sin();
        }),
    })
}

/// `L = Σᵢ |yᵢ|² cᵢ / n` over the saved states, with weights that differ.
pub(crate) fn loss(solution: &Solution<[f64; 2]>) -> Loss<[f64; 2]> {
    let n = solution.ys.len() as f64;
    let weight = |i: usize| (1.0 + (i % 7) as f64) / n;
    let value = solution.ys.iter().enumerate().map(|(i, y)| weight(i) * (y[0] * y[0] + y[1] * y[1])).sum();
    Loss::new(
        value,
        solution
            .ys
            .iter()
            .enumerate()
            .map(|(i, y)| [2.0 * weight(i) * y[0], 2.0 * weight(i) * y[1]])
            .collect(),
    )
}

pub(crate) fn flat(d: &Differentiated<[f64; 2], Vec<f64>>) -> Vec<f64> {
    [&d.y0[..], &d.parameters].concat()
}

pub(crate) fn relative(a: &[f64], b: &[f64]) -> f64 {
    let off: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    let size: f64 = b.iter().map(|b| b * b).sum();
    (off / size).sqrt()
}

/// One solve to be differentiated in many ways.
pub(crate) struct Case {
    pub(crate) field: fn(Vec<f64>) -> Ordinary<BoxedField>,
    pub(crate) theta: Vec<f64>,
    pub(crate) y0: [f64; 2],
    pub(crate) t1: f64,
    pub(crate) control: Control,
    pub(crate) save: SaveAt,
    pub(crate) resynchronise: Option<u64>,
}

impl Case {
    pub(crate) fn run<M>(&self, scheme: M, gradient: Gradient) -> Differentiated<[f64; 2], Vec<f64>>
    where
        M: Differentiable<[f64; 2], Ordinary<BoxedField>>,
    {
        let mut options = SolveOptions::new(0.0, self.t1, self.control).save(self.save.clone());
        Adjoint::new(gradient)
            .resynchronised(self.resynchronise)
            .differentiate(scheme, (self.field)(self.theta.clone()), &self.y0, &mut options, loss)
            .unwrap()
    }

    /// Central differences of the discrete loss by the start and the parameters, with the steps held.
    pub(crate) fn differences<M>(&self, scheme: impl Fn() -> M, entries: &[usize]) -> Vec<f64>
    where
        M: Scheme<[f64; 2], Ordinary<BoxedField>>,
    {
        let value = |i: usize, by: f64| {
            let (mut y0, mut theta) = (self.y0, self.theta.clone());
            if i < 2 {
                y0[i] += by;
            } else {
                theta[i - 2] += by;
            }
            let mut options = SolveOptions::new(0.0, self.t1, self.control).save(self.save.clone());
            let mut stepper = Advance::new(scheme(), (self.field)(theta)).resynchronised(self.resynchronise);
            loss(&solve(&mut stepper, &y0, &mut options)).value
        };
        // Of order four: what is left is rounding.
        let h = 1e-4;
        let difference = |i: usize| {
            let near = value(i, h) - value(i, -h);
            let far = value(i, 2.0 * h) - value(i, -2.0 * h);
            (8.0 * near - far) / (12.0 * h)
        };
        entries.iter().map(|i| difference(*i)).collect()
    }
}

pub(crate) fn network_case(control: Control) -> Case {
    // Odd times, some of them at once the ends of steps.
    let times = (0..=100).map(|i| 0.1 * i as f64).chain((0..37).map(|i| 0.013 + 0.27 * i as f64));
    let mut times: Vec<f64> = times.filter(|t| *t <= 10.0).collect();
    times.sort_by(f64::total_cmp);
    Case {
        field: network,
        theta: weights(),
        y0: [0.6, -0.3],
        t1: 10.0,
        control,
        save: SaveAt::Times(times),
        resynchronise: Some(50),
    }
}

pub(crate) fn kinds() -> [Gradient; 4] {
    [
        Gradient::StepCheckpoint {},
        Gradient::Checkpointed(Checkpointed { slots: Some(7), budget_mb: None }),
        Gradient::Checkpointed(Checkpointed { slots: None, budget_mb: Some(1e-3) }),
        Gradient::Reversible(Reversible { segment: Some(50), tolerance: 1e-9 }),
    ]
}

/// Every kind of gradient of a scheme agrees with `Direct`, and that with differences where the steps do not move.
pub(crate) fn check<M>(name: &str, case: &Case, scheme: impl Fn() -> M, differences: bool)
where
    M: Differentiable<[f64; 2], Ordinary<BoxedField>>,
{
    let direct = case.run(scheme(), Gradient::Direct {});
    for kind in kinds() {
        let found = case.run(scheme(), kind);
        let error = relative(&flat(&found), &flat(&direct));
        assert!(error < 1e-8, "{name}, {}: {error:.1e}, {:?}", kind.name(), found.stats);
        assert_eq!(found.value, direct.value, "{name}, {}", kind.name());
    }
    if differences {
        let entries: Vec<usize> = (0..direct.parameters.len() + 2).step_by(7).chain([1]).collect();
        let measured = case.differences(&scheme, &entries);
        let exact: Vec<f64> = entries.iter().map(|i| flat(&direct)[*i]).collect();
        let error = relative(&exact, &measured);
        assert!(error < 1e-8, "{name} against differences: {error:.1e}");
    }
}
