//! The integrator core of Flowmap and its classical numerics.
//!
//! One vocabulary for host arrays in `f64` and for Burn tensors on any device: a [`state::State`] moves
//! along a [`field::VectorField`] (or [`field::SemiLinear`], [`field::Separable`]) by a
//! [`stepper::Stepper`]; [`solve::solve`] drives it, with step control, save times and events.

pub mod assimilation;
pub mod batch;
pub mod brownian;
pub mod config;
pub mod control;
pub mod control_path;
pub mod delay;
pub mod elasticity;
pub mod ensemble;
pub mod event;
pub mod field;
pub mod fourier;
pub mod gradient;
pub mod increment;
pub mod issue;
pub mod lyapunov;
pub mod sde;
pub mod solve;
pub mod staggered;
pub mod state;
pub mod stepper;
