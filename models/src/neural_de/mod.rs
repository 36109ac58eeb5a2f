//! Differential equations with networks inside.

pub mod neural_cde;
