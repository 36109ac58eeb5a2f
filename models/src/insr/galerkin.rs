//! Weights that move along the projection of the slope on what they can reach.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use flowmap_solvers::field::VectorField;
use ndarray::Array1;

use super::regression::draw;
use super::residual::Tangent;
use super::{InsrConfig, Points, Sampling, Space};
use crate::gauss_newton::damped_step;

/// `θ′ = (JᵀJ + λ)⁻¹ Jᵀ f`, `J` the Jacobian of `q` and `f` the slope at the points: a field for any method of the core.
pub struct Galerkin {
    space: Arc<Space>,
    config: InsrConfig,
    points: Points,
    seed: u64,
    failure: Rc<RefCell<Option<String>>>,
}

impl Galerkin {
    /// The field of a space.
    pub fn new(space: &Arc<Space>, config: &InsrConfig, seed: u64) -> Self {
        Self {
            points: draw(space, config, seed, 0, None),
            space: Arc::clone(space),
            config: config.clone(),
            seed,
            failure: Rc::default(),
        }
    }

    /// Where it will say what went wrong.
    pub fn failure(&self) -> Rc<RefCell<Option<String>>> {
        Rc::clone(&self.failure)
    }
}

impl VectorField<Array1<f64>> for Galerkin {
    fn eval(&mut self, t: f64, theta: &Array1<f64>, rate: &mut Array1<f64>) {
        let theta = theta.to_vec();
        if matches!(self.config.sampling.scheme, Sampling::Resampled | Sampling::Adaptive) {
            // A function of the time alone, so that a run that is taken up again sees the same points.
            self.points = draw(&self.space, &self.config, self.seed, t.to_bits(), Some((t, &theta)));
        }
        let problem = Tangent { space: &self.space, points: &self.points, t };
        match damped_step(&self.config.optimiser, &problem, &theta, self.config.regularisation) {
            Ok(step) => rate.assign(&Array1::from(step)),
            Err(error) => {
                self.failure.borrow_mut().get_or_insert(error.to_string());
                rate.fill(f64::NAN);
            }
        }
    }
}
