//! A function as a sum of networks and slopes: the state that a step moves.

use std::sync::Arc;

use flowmap_solvers::state::State;
use ndarray::Array2;

use super::{Points, Space};

/// `q = Σ aᵢ gᵢ`, each `gᵢ` the quantity of a network or its slope at a time. Steppers combine the coefficients; a regression
/// makes the sum one network again.
#[derive(Clone, Debug)]
pub struct Function {
    pub(super) space: Arc<Space>,
    pub(super) terms: Vec<(f64, Term)>,
}

/// One function of a sum.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) theta: Arc<Vec<f64>>,
    /// The time of a slope; none of a quantity.
    pub(super) time: Option<f64>,
}

impl Term {
    fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.theta, &other.theta) && self.time == other.time
    }
}

impl Function {
    /// The quantity of a network.
    pub fn network(space: &Arc<Space>, theta: Vec<f64>) -> Self {
        Self::of(space, Term { theta: Arc::new(theta), time: None })
    }

    pub(super) fn of(space: &Arc<Space>, term: Term) -> Self {
        Self { space: Arc::clone(space), terms: vec![(1.0, term)] }
    }

    /// The weights, if it is one network.
    pub fn weights(&self) -> Option<&Arc<Vec<f64>>> {
        match &self.terms[..] {
            [(1.0, Term { theta, time: None })] => Some(theta),
            _ => None,
        }
    }

    /// Whether both are the same sum.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.terms.len() == other.terms.len()
            && self.terms.iter().zip(&other.terms).all(|((a, s), (b, t))| a == b && s.same(t))
    }

    /// Its values `[quantity, point]`.
    pub fn values(&self, points: &Points) -> Array2<f64> {
        let mut sum = Array2::zeros((self.space.quantities(), points.weights.len()));
        for (a, term) in &self.terms {
            let part = match term.time {
                None => self.space.quantity(&term.theta, &points.at),
                Some(t) => self.space.slope(t, &term.theta, &points.at),
            };
            sum.scaled_add(*a, &part);
        }
        sum
    }

    fn mean(&self, f: impl Fn(usize, usize) -> f64) -> f64 {
        let weights = &self.space.nodes.weights;
        let kinds = self.space.quantities();
        let sum = weights.iter().enumerate().map(|(n, w)| w * (0..kinds).map(|k| f(k, n)).sum::<f64>());
        sum.sum::<f64>() / kinds as f64
    }
}

impl State for Function {
    fn zeros_like(&self) -> Self {
        Self { space: Arc::clone(&self.space), terms: Vec::new() }
    }

    fn assign(&mut self, x: &Self) {
        self.terms.clone_from(&x.terms);
    }

    fn scale(&mut self, a: f64) {
        self.terms.iter_mut().for_each(|(c, _)| *c *= a);
    }

    fn axpy(&mut self, a: f64, x: &Self) {
        for (c, term) in &x.terms {
            match self.terms.iter_mut().find(|(_, own)| own.same(term)) {
                Some((own, _)) => *own += a * c,
                None => self.terms.push((a * c, term.clone())),
            }
        }
    }

    fn error_norm(error: &Self, y0: &Self, y1: &Self, atol: f64, rtol: f64) -> f64 {
        let nodes = &error.space.nodes;
        let [e, a, b] = [error, y0, y1].map(|f| f.values(nodes));
        let scaled = |k, n| {
            let (a, b): (f64, f64) = (a[[k, n]], b[[k, n]]);
            (e[[k, n]] / (atol + rtol * a.abs().max(b.abs()))).powi(2)
        };
        error.mean(scaled).sqrt()
    }

    fn rms(&self) -> f64 {
        let values = self.values(&self.space.nodes);
        self.mean(|k, n| values[[k, n]] * values[[k, n]]).sqrt()
    }

    fn is_finite(&self) -> bool {
        self.terms.iter().all(|(a, t)| a.is_finite() && t.theta.iter().all(|w| w.is_finite()))
    }

    fn write_entries(&self, out: &mut Vec<f64>) {
        out.push(self.terms.len() as f64);
        for (a, term) in &self.terms {
            out.extend([*a, f64::from(u8::from(term.time.is_some())), term.time.unwrap_or(0.0)]);
            out.extend(term.theta.iter());
        }
    }

    fn read_entries(&mut self, entries: &mut &[f64]) -> bool {
        let length = self.space.parameters() + 3;
        let Some((count, rest)) = entries.split_first() else { return false };
        let needed = *count as usize * length;
        if rest.len() < needed {
            return false;
        }
        let term = |e: &[f64]| {
            let time = (e[1] == 1.0).then_some(e[2]);
            (e[0], Term { theta: Arc::new(e[3..].to_vec()), time })
        };
        self.terms = rest[..needed].chunks_exact(length).map(term).collect();
        *entries = &rest[needed..];
        true
    }

    fn dot(&self, other: &Self) -> f64 {
        let [a, b] = [self, other].map(|f| f.values(&self.space.nodes));
        self.mean(|k, n| a[[k, n]] * b[[k, n]])
    }

    fn bytes(&self) -> usize {
        self.terms.iter().map(|(_, t)| 8 * t.theta.len() + 24).sum()
    }
}
