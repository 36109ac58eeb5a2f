//! Implicit methods on functions: the stages are networks that are solved for together.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use flowmap_solvers::state::State;
use flowmap_solvers::stepper::{StepFailure, Stepper, Work};

use super::function::Term;
use super::regression::Regressor;
use super::{Function, InsrConfig, Space};

/// `Uᵢ = y + h Σⱼ aᵢⱼ f(tⱼ, Uⱼ)`, `y₁ = y + Σᵢ dᵢ (Uᵢ − y)` with `d = bᵀA⁻¹`.
#[derive(Clone, Copy, Debug)]
pub struct Collocation {
    /// The name in configs.
    pub name: &'static str,
    /// The order.
    pub order: usize,
    /// `aᵢⱼ`, row by row.
    pub a: &'static [f64],
    /// The nodes.
    pub c: &'static [f64],
    /// `d`.
    pub d: &'static [f64],
}

const ROOT_3: f64 = 1.732_050_807_568_877_2;

/// The implicit method of Euler.
pub const IMPLICIT_EULER: Collocation =
    Collocation { name: "implicit_euler", order: 1, a: &[1.0], c: &[1.0], d: &[1.0] };

/// The implicit midpoint rule.
pub const IMPLICIT_MIDPOINT: Collocation =
    Collocation { name: "implicit_midpoint", order: 2, a: &[0.5], c: &[0.5], d: &[2.0] };

/// The method of Gauss and Legendre with two stages (J. C. Butcher, Math. Comp. 18 (1964) 50).
pub const GAUSS_LEGENDRE: Collocation = Collocation {
    name: "gauss_legendre",
    order: 4,
    a: &[0.25, 0.25 - ROOT_3 / 6.0, 0.25 + ROOT_3 / 6.0, 0.25],
    c: &[0.5 - ROOT_3 / 6.0, 0.5 + ROOT_3 / 6.0],
    d: &[-ROOT_3, ROOT_3],
};

/// An implicit method on the functions of a space.
pub struct Implicit {
    method: &'static Collocation,
    regressor: Rc<RefCell<Regressor>>,
    work: Work,
}

impl Implicit {
    /// The method on the functions of a space.
    pub fn new(method: &'static Collocation, space: &Arc<Space>, config: &InsrConfig, seed: u64) -> Self {
        let regressor = Rc::new(RefCell::new(Regressor::new(space, config, seed)));
        Self { method, regressor, work: Work::default() }
    }

    /// The regressions, to watch them.
    pub(super) fn regressor(&self) -> Rc<RefCell<Regressor>> {
        Rc::clone(&self.regressor)
    }
}

impl Stepper<Function> for Implicit {
    fn order(&self) -> usize {
        self.method.order
    }

    fn step(&mut self, t: f64, dt: f64, y: &Function, y1: &mut Function) -> Result<(), StepFailure> {
        let (m, mut r) = (self.method, self.regressor.borrow_mut());
        r.begin();
        let theta = r.project(t, y);
        let stages = m.c.len();
        let times: Vec<f64> = m.c.iter().map(|c| t + c * dt).collect();
        let coefficients: Vec<f64> = m.a.iter().map(|a| dt * a).collect();
        let target = y.values(r.points(t, &theta));
        let from = theta.repeat(stages);
        let solved = r.solve(&from, &coefficients, &times, &vec![target; stages]);
        self.work.linear_solves += 1;
        y1.assign(y);
        y1.scale(1.0 - m.d.iter().sum::<f64>());
        for (d, stage) in m.d.iter().zip(solved.chunks_exact(theta.len())) {
            let term = Term { theta: Arc::new(stage.to_vec()), time: None };
            y1.axpy(*d, &Function::of(&r.space, term));
        }
        y1.terms.retain(|(a, _)| *a != 0.0);
        let theta = r.project(t + dt, y1);
        y1.assign(&Function::of(&r.space, Term { theta, time: None }));
        Ok(())
    }

    fn write_memory(&self, out: &mut Vec<f64>) {
        self.regressor.borrow().write(out);
    }

    fn read_memory(&mut self, mut memory: &[f64]) -> bool {
        self.regressor.borrow_mut().read(&mut memory) && memory.is_empty()
    }

    fn work(&self) -> Work {
        self.work
    }
}
