//! Explicit methods of the integrator core on functions.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use flowmap_solvers::field::VectorField;
use flowmap_solvers::state::State;
use flowmap_solvers::stepper::explicit_rk::{ExplicitRk, Tableau};
use flowmap_solvers::stepper::{StepFailure, Stepper, Work};

use super::function::Term;
use super::regression::Regressor;
use super::{Function, InsrConfig, Space};

/// `f(t, y)`: the sum `y` is made one network, whose slope is taken.
struct Slopes(Rc<RefCell<Regressor>>);

impl VectorField<Function> for Slopes {
    fn eval(&mut self, t: f64, y: &Function, dy: &mut Function) {
        let mut regressor = self.0.borrow_mut();
        let theta = regressor.project(t, y);
        *dy = Function::of(&regressor.space, Term { theta, time: Some(t) });
    }
}

/// A Runge-Kutta method of the core, each stage and the end of each step made one network by a regression.
pub struct Explicit {
    inner: ExplicitRk<Slopes, Function>,
    regressor: Rc<RefCell<Regressor>>,
}

impl Explicit {
    /// The method on the functions of a space.
    pub fn new(tableau: &'static Tableau, space: &Arc<Space>, config: &InsrConfig, seed: u64) -> Self {
        let regressor = Rc::new(RefCell::new(Regressor::new(space, config, seed)));
        let like = Function { space: Arc::clone(space), terms: Vec::new() };
        Self { inner: ExplicitRk::new(tableau, Slopes(Rc::clone(&regressor)), &like), regressor }
    }

    /// The regressions, to watch them.
    pub(super) fn regressor(&self) -> Rc<RefCell<Regressor>> {
        Rc::clone(&self.regressor)
    }
}

impl Stepper<Function> for Explicit {
    fn order(&self) -> usize {
        self.inner.order()
    }

    fn embedded_order(&self) -> Option<usize> {
        self.inner.embedded_order()
    }

    fn step(&mut self, t: f64, dt: f64, y: &Function, y1: &mut Function) -> Result<(), StepFailure> {
        self.regressor.borrow_mut().begin();
        self.inner.step(t, dt, y, y1)?;
        let mut regressor = self.regressor.borrow_mut();
        let theta = regressor.project(t + dt, y1);
        y1.assign(&Function::of(&regressor.space, Term { theta, time: None }));
        Ok(())
    }

    fn error_norm(&mut self, y0: &Function, y1: &Function, atol: f64, rtol: f64) -> Option<f64> {
        self.inner.error_norm(y0, y1, atol, rtol)
    }

    fn accept(&mut self) {
        self.inner.accept();
    }

    fn reset(&mut self) {
        self.inner.reset();
    }

    fn write_memory(&self, out: &mut Vec<f64>) {
        self.regressor.borrow().write(out);
        self.inner.write_memory(out);
    }

    fn read_memory(&mut self, mut memory: &[f64]) -> bool {
        self.regressor.borrow_mut().read(&mut memory) && self.inner.read_memory(memory)
    }

    fn work(&self) -> Work {
        self.inner.work()
    }
}
