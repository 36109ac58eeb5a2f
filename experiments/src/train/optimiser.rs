//! Optimisers, and the clipping of gradients by their common norm.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::radam::RAdam;

/// An optimiser and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserConfig {
    /// Adam (D. P. Kingma, J. Ba, ICLR 2015).
    Adam(Adam),
    /// AdamW (I. Loshchilov, F. Hutter, ICLR 2019).
    Adamw(AdamW),
    /// RAdam (L. Liu et al., ICLR 2020).
    Radam(RAdam),
}

/// Parameters of Adam.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// The highest rate.
    pub rate: f64,
}

/// Parameters of AdamW.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamW {
    /// The highest rate.
    pub rate: f64,
    /// Decay of the weights, times the rate, a step.
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { rate: 1e-3 }
    }
}

impl Default for AdamW {
    fn default() -> Self {
        Self { rate: 1e-3, weight_decay: 1e-4 }
    }
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self::Adamw(AdamW::default())
    }
}

impl OptimiserConfig {
    /// The highest rate.
    pub fn rate(&self) -> f64 {
        match self {
            Self::Adam(c) => c.rate,
            Self::Adamw(c) => c.rate,
            Self::Radam(c) => c.rate,
        }
    }

    pub(super) fn init(&self) -> ModuleOptimizer {
        let decay = match self {
            Self::Adam(_) => 0.0,
            Self::Adamw(c) => c.weight_decay,
            Self::Radam(c) => return c.init(),
        };
        AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(decay as f32).init()
    }
}

impl Validate for OptimiserConfig {
    fn validate(&self, mut check: Check<'_>) {
        match self {
            Self::Adam(c) => check.table("adam").positive("rate", c.rate),
            Self::Radam(c) => check.table("radam").positive("rate", c.rate),
            Self::Adamw(c) => {
                let mut check = check.table("adamw");
                check.positive("rate", c.rate);
                check.non_negative("weight_decay", c.weight_decay);
            }
        }
    }
}

/// Numbers the parameters in the order of the module, so that an optimiser's record fits the same module in another
/// process.
pub(crate) fn numbered<M: Module>(module: M) -> M {
    struct Number(u64);
    impl ModuleMapper for Number {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            self.0 += 1;
            let (_, value, mapper) = param.consume();
            Param::from_mapped_value(self.0.into(), value, mapper)
        }
    }
    module.map(&mut Number(0))
}

/// Scales all gradients so that their common norm is at most `limit`; returns the norm before.
pub(super) fn clip<M: Module>(module: &M, gradients: &mut GradientsParams, limit: f64) -> f64 {
    struct Norm<'a>(&'a GradientsParams, f64);
    impl ModuleVisitor for Norm<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(g) = self.0.get::<D>(param.id) {
                self.1 += g.powi_scalar(2).sum().into_scalar::<f64>();
            }
        }
    }
    struct Scale<'a>(&'a mut GradientsParams, f64);
    impl ModuleVisitor for Scale<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(g) = self.0.remove::<D>(param.id) {
                self.0.register::<D>(param.id, g.mul_scalar(self.1));
            }
        }
    }
    let mut norm = Norm(gradients, 0.0);
    module.visit(&mut norm);
    let norm = norm.1.sqrt();
    if limit > 0.0 && norm > limit {
        module.visit(&mut Scale(gradients, limit / norm));
    }
    norm
}
