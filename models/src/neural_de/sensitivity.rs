//! Equations with parameters, and how their slopes depend on both.

use nalgebra::DMatrix;

use crate::baseline::Term;
use crate::fused::HostField;

/// `dy/dt = f(θ, y)` with its derivatives.
pub trait Parametric {
    /// Entries of `y`.
    fn dim(&self) -> usize;

    /// `θ`.
    fn parameters(&self) -> Vec<f64>;

    /// Replaces `θ`.
    fn set(&mut self, parameters: &[f64]);

    /// Writes `f(θ, y)`.
    fn slope(&self, y: &[f64], dy: &mut [f64]);

    /// Writes `∂f/∂y`, `[dim, dim]`, and `∂f/∂θ`, `[dim, parameters]`.
    fn derivatives(&self, y: &[f64], by_state: &mut DMatrix<f64>, by_parameter: &mut DMatrix<f64>);
}

impl Parametric for HostField {
    fn dim(&self) -> usize {
        self.spec().dim()
    }

    fn parameters(&self) -> Vec<f64> {
        HostField::parameters(self).to_vec()
    }

    fn set(&mut self, parameters: &[f64]) {
        if let Ok(field) = HostField::new(self.spec().clone(), parameters.to_vec()) {
            *self = field;
        }
    }

    fn slope(&self, y: &[f64], dy: &mut [f64]) {
        HostField::slope(self, y, dy);
    }

    fn derivatives(&self, y: &[f64], by_state: &mut DMatrix<f64>, by_parameter: &mut DMatrix<f64>) {
        let n = y.len();
        let mut v = vec![0.0; n];
        let (mut row, mut gradient) = (vec![0.0; n], vec![0.0; by_parameter.ncols()]);
        for i in 0..n {
            v.fill(0.0);
            v[i] = 1.0;
            row.fill(0.0);
            gradient.fill(0.0);
            self.pull_back(y, &v, &mut row, &mut gradient);
            (0..n).for_each(|k| by_state[(i, k)] = row[k]);
            gradient.iter().enumerate().for_each(|(k, g)| by_parameter[(i, k)] = *g);
        }
    }
}

/// Equations of few terms, `dyᵢ/dt = Σ c term(y)`, some of whose coefficients are parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Equations {
    /// The terms of each equation with their coefficients, and whether a coefficient is free.
    pub terms: Vec<Vec<(Term, f64, bool)>>,
}

impl Parametric for Equations {
    fn dim(&self) -> usize {
        self.terms.len()
    }

    fn parameters(&self) -> Vec<f64> {
        self.terms.iter().flatten().filter(|(_, _, free)| *free).map(|(_, c, _)| *c).collect()
    }

    fn set(&mut self, parameters: &[f64]) {
        let free = self.terms.iter_mut().flatten().filter(|(_, _, free)| *free);
        free.zip(parameters).for_each(|((_, c, _), p)| *c = *p);
    }

    fn slope(&self, y: &[f64], dy: &mut [f64]) {
        for (dy, terms) in dy.iter_mut().zip(&self.terms) {
            *dy = terms.iter().map(|(term, c, _)| c * term.value(y)).sum();
        }
    }

    fn derivatives(&self, y: &[f64], by_state: &mut DMatrix<f64>, by_parameter: &mut DMatrix<f64>) {
        by_parameter.fill(0.0);
        let mut place = 0;
        for (i, terms) in self.terms.iter().enumerate() {
            for k in 0..y.len() {
                by_state[(i, k)] = terms.iter().map(|(term, c, _)| c * term.derivative(y, k)).sum();
            }
            for (term, _, _) in terms.iter().filter(|(_, _, free)| *free) {
                by_parameter[(i, place)] = term.value(y);
                place += 1;
            }
        }
    }
}
