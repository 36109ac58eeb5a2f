//! The integrator core of Flowmap and its classical numerics.
//!
//! One vocabulary for host arrays in `f64` and for Burn tensors on any device: a [`state::State`] moves
//! along a [`field::VectorField`] (or [`field::SemiLinear`], [`field::Separable`]) by a
//! [`stepper::Stepper`].

pub mod field;
pub mod state;
pub mod stepper;
