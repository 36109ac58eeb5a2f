//! Stochastic differential equations: methods bound to an equation on a path.
//!
//! Each one asks by its bounds for what it needs: the calculus that it converges to, the structure of the noise, the derivative of the
//! diffusion, the Lévy area of the path. With the path given they are [`Stepper`](super::Stepper)s like all others; an adaptive driver
//! [comes back](super::Stepper::revisits) to the ends of the steps that it rejected.

mod additive;
mod doubled;
mod euler_maruyama;
mod increment_rk;
mod milstein;
mod shark;
mod slow_rk;
mod spark;
mod sra1;
mod stratonovich_rk;

pub use additive::{AdditiveRk, AdditiveTableau};
pub use doubled::Doubled;
pub use euler_maruyama::EulerMaruyama;
pub use increment_rk::IncrementRk;
pub use milstein::Milstein;
pub use shark::SHARK;
pub use slow_rk::SLOW_RK;
pub use spark::SPARK;
pub use sra1::SRA1;
pub use stratonovich_rk::{StratonovichRk, StratonovichTableau};
