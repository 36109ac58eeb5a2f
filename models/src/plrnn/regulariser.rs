//! Penalties on the weights: `[train.regulariser]`.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::Plrnn;

/// Weights of the penalties that are added to the mean squared error; zero leaves one out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegulariserConfig {
    /// Of `‖1 − A‖² + ‖W₁‖² + ‖W₂‖² + ‖h₁‖² + ‖h₂‖²`, the sums of squares of the learned ones.
    pub latent: f64,
    /// Of `‖B‖² + ‖b‖²`.
    pub observation: f64,
    /// Of `Σ_i (1 − A_i)² + Σ_ij W₁_ij² + Σ_i h₁_i²` over the first half of the state, `i ≤ M/2`: it favours a manifold of
    /// neutral directions, along which memory lasts (D. Schmidt et al., ICLR 2021).
    pub manifold: f64,
    /// Of `(1 − s₁/s_min)²` with the extreme singular values of `B`.
    pub condition: f64,
    /// Of `Σ_i max(0, |A_i| − 1)²`: it keeps the linear part from diverging.
    pub a_convergence: f64,
}

impl RegulariserConfig {
    /// The weighted sum of the penalties, if there are any.
    pub fn penalty(&self, model: &Plrnn) -> Option<Tensor<1>> {
        let mut terms = Vec::new();
        let a = || model.a.val();
        if self.latent > 0.0 {
            let mut sum =
                squares(a().neg().add_scalar(1.0)) + squares(model.w1.val()) + squares(model.h1.val());
            if let Some(w2) = &model.w2 {
                sum = sum + squares(w2.val());
            }
            if let Some(h2) = &model.h2 {
                sum = sum + squares(h2.val());
            }
            terms.push(sum * self.latent);
        }
        let neutral = model.config.latent / 2;
        if self.manifold > 0.0 && neutral > 0 {
            let rows = 0..neutral;
            let sum = squares(a().slice([rows.clone()]).neg().add_scalar(1.0))
                + squares(model.w1.val().slice([rows.clone()]))
                + squares(model.h1.val().slice([rows]));
            terms.push(sum * self.manifold);
        }
        if self.a_convergence > 0.0 {
            terms.push(squares(relu(a().abs().sub_scalar(1.0))) * self.a_convergence);
        }
        if let Some(affine) = &model.affine {
            if self.observation > 0.0 {
                terms.push((squares(affine.b.val()) + squares(affine.offset.val())) * self.observation);
            }
            if self.condition > 0.0 {
                terms.push(affine.condition() * self.condition);
            }
        }
        terms.into_iter().reduce(|sum, term| sum + term)
    }
}

fn squares<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    x.powi_scalar(2).sum()
}

impl Validate for RegulariserConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.non_negative("latent", self.latent);
        check.non_negative("observation", self.observation);
        check.non_negative("manifold", self.manifold);
        check.non_negative("condition", self.condition);
        check.non_negative("a_convergence", self.a_convergence);
    }
}
