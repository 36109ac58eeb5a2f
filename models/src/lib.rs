//! Learned flow maps: model families, their layers and fused operations.
//!
//! A model knows its own tensors and the integrator core; it knows no data set, no config file and no plot.

pub mod baseline;
pub mod classifier;
pub mod config;
pub mod emulator;
pub mod fused;
pub mod gauss_newton;
pub mod generative;
pub mod grid;
pub mod innovations;
pub mod insr;
pub mod jet;
pub mod layers;
mod matrix;
pub mod neural_de;
pub mod observer;
pub mod pinn;
pub mod plrnn;
mod seeded;
pub mod semilinear_operator;
pub mod state_space;
pub mod weights;

pub use seeded::{seeded, try_seeded};
