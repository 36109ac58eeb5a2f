//! The choice of a model as configuration: `[model.NAME]`.

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use crate::plrnn::PlrnnConfig;
use crate::semilinear_operator::SemilinearOperatorConfig;

/// A model and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelConfig {
    /// The semilinear neural operator, or by `linear = "none"` the plain residual Fourier neural operator.
    SemilinearOperator(SemilinearOperatorConfig),
    /// A piecewise-linear recurrent network.
    Plrnn(PlrnnConfig),
}

/// Every model: its name, and what it is.
pub const MODELS: &[(&str, &str)] = &[
    (
        "semilinear_operator",
        "semilinear neural operator, an exponential Euler step with the exact linear part; linear = \"none\" is the plain FNO",
    ),
    (
        "plrnn",
        "piecewise-linear recurrent network, a map trained on time series by generalized teacher forcing",
    ),
];

impl ModelConfig {
    /// The name in configs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SemilinearOperator(_) => "semilinear_operator",
            Self::Plrnn(_) => "plrnn",
        }
    }
}

impl Validate for ModelConfig {
    fn validate(&self, mut check: Check<'_>) {
        let check = check.table(self.name());
        match self {
            Self::SemilinearOperator(c) => c.validate(check),
            Self::Plrnn(c) => c.validate(check),
        }
    }
}
