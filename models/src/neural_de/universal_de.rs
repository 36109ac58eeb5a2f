//! Universal differential equations.

use burn::tensor::Device;
use flowmap_solvers::issue::{Check, Issue, Validate};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::neural_ode::{check_hidden, longest};
use super::{Flow, Method, Steps};
use crate::baseline::Term;
use crate::fused::{FieldKind, FieldSpec, Monomial};

/// `dy/dt = g(y) + f_θ(y)`: terms `g` that are known, and a network for those that are not, which are then read out of it as
/// few terms of a library of monomials.
///
/// Training on windows is followed by Gauss-Newton steps on whole trajectories, whose starts are fitted with the weights; so
/// noise of the starts is no error of the field. The terms read out are fitted to the trajectories once more, as an equation
/// without a network.
///
/// C. Rackauckas et al., "Universal Differential Equations for Scientific Machine Learning", 2020.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UniversalDeConfig {
    /// Units of the hidden layers.
    pub hidden: Vec<usize>,
    /// The terms that are known.
    pub known: Vec<KnownTerm>,
    /// The degree of the monomials of the library.
    pub degree: usize,
    /// The least share of what the network gives that a term must explain.
    pub threshold: f64,
    /// The most Gauss-Newton steps.
    pub refinements: usize,
    /// The penalty on the square of a weight, in units of the variance of the noise over its number of samples.
    pub decay: f64,
    /// The method of training.
    pub method: Method,
    /// Its longest step; zero takes the time between two samples.
    pub step: f64,
}

/// A term of one of the equations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownTerm {
    /// The variable whose derivative it is a part of.
    pub of: String,
    /// A product of variables, such as `x y^2`; empty is a constant.
    pub term: String,
    /// Its coefficient.
    pub coefficient: f64,
}

impl Default for UniversalDeConfig {
    fn default() -> Self {
        Self {
            hidden: vec![8, 8],
            known: Vec::new(),
            degree: 2,
            threshold: 0.05,
            refinements: 100,
            decay: 1.0,
            method: Method::Rk4,
            step: 0.0,
        }
    }
}

impl Validate for UniversalDeConfig {
    fn validate(&self, mut check: Check<'_>) {
        check_hidden(&self.hidden, &mut check);
        check.within("degree", self.degree, 1, 5);
        check.within("threshold", self.threshold, 0.0, 1.0);
        check.within("refinements", self.refinements, 0, 10_000);
        check.non_negative("decay", self.decay);
        check.non_negative("step", self.step);
        for term in &self.known {
            check.finite("known", term.coefficient);
        }
    }
}

impl UniversalDeConfig {
    /// The known terms on the variables.
    ///
    /// # Errors
    /// If one names a variable that is not there, or no product.
    pub fn monomials(&self, variables: &[String]) -> Result<Vec<Monomial>, Issue> {
        let there = || format!("the variables are {}", variables.join(", "));
        let fail = |what: String, hint: String| Err(Issue::new("model.universal_de.known", what).hint(hint));
        let mut monomials = Vec::with_capacity(self.known.len());
        for known in &self.known {
            let Some(entry) = variables.iter().position(|v| *v == known.of) else {
                return fail(format!("no variable '{}'", known.of), there());
            };
            let mut powers = vec![0; variables.len()];
            for factor in known.term.split_whitespace() {
                let (name, power) = factor.split_once('^').unwrap_or((factor, "1"));
                let Some(place) = variables.iter().position(|v| v == name) else {
                    return fail(format!("no variable '{name}' for the factor '{factor}'"), there());
                };
                match power.parse::<u32>() {
                    Ok(p) if p <= 9 => powers[place] += p,
                    _ => return fail(format!("'{power}' is no power"), "give 0 to 9, as in x^2".into()),
                }
            }
            monomials.push(Monomial { entry, coefficient: known.coefficient, powers });
        }
        Ok(monomials)
    }

    /// Draws the weights, for samples `dt` apart.
    ///
    /// # Errors
    /// If the known terms do not fit the variables.
    pub fn init(
        &self,
        variables: &[String],
        dt: f64,
        rng: &mut dyn Rng,
        device: &Device,
    ) -> Result<Flow, Issue> {
        let known = self.monomials(variables)?;
        let field = FieldSpec::new(FieldKind::Plain, variables.len(), &self.hidden, known);
        Ok(Flow::draw(field, 0, Steps::of(self.method, longest(self.step, dt)), rng, device))
    }

    /// The library that the unknown terms are read out with.
    pub fn library(&self, variables: usize) -> Vec<Term> {
        Term::library(variables, self.degree, false)
    }
}
