//! Methods whose step is a map that can be inverted algebraically, so that a solve can be run back without having been
//! kept.
//!
//! | scheme | extended state | inverse | stable on `y' = −a y` |
//! |---|---|---|---|
//! | [`ReversibleHeun`] | `(y, ŷ)` | exact | no: only on the imaginary axis, `\|hλ\| ≤ 1` |
//! | [`AsynchronousLeapfrog`] | `(y, v)` | exact | no for `η = 1`; rounding grows backward for `η < 1` |
//! | [`Coupled`] | `(y, z)` | exact | while `h a ≲ −ln λ`; rounding grows like `λ⁻ⁿ` backward |
//! | [`Bdia`] | `(y, m)` | exact | no for `γ = 1`; rounding grows like `γ⁻ⁿ` backward |
//! | [`EES25`] | `y` | up to `O(h⁶)` | `h a < 3.09` |
//!
//! None of them survives a long dissipative solve run back in one go. In segments that resynchronise the companions
//! (see [`gradient`](crate::gradient)) all of them do.

mod asynchronous_leapfrog;
mod bdia;
mod config;
mod coupled;
mod ees;
mod reversible_heun;
mod round_trip;

pub use asynchronous_leapfrog::AsynchronousLeapfrog;
pub use bdia::Bdia;
pub use config::{AsynchronousLeapfrogConfig, BdiaConfig, CoupledConfig, ReversibleHeunConfig};
pub use coupled::Coupled;
pub use ees::EES25;
pub use reversible_heun::ReversibleHeun;

pub(crate) use config::ReversibleScheme;
