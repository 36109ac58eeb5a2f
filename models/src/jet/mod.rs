//! Jets: a network's value and its derivatives along lines in its inputs, in one forward pass.
//!
//! The value and all derivatives are stacked along the batch, `[component · sample, width]`, so that every layer is one matrix
//! product; an activation mixes the components of one entry by Faà di Bruno's rule. On the host in `f64` with a hand-written way
//! back for every sample ([`Mlp`]), and of Burn's operations on any device, differentiable once more in reverse ([`TensorMlp`]).
//!
//! A. Griewank, A. Walther, Evaluating Derivatives, SIAM 2008, ch. 13; the collapsed Laplacian: F. Dangel et al., "Collapsing
//! Taylor Mode Automatic Differentiation", NeurIPS 2025.

mod activation;
mod chain;
mod directions;
mod embedding;
mod mlp;
mod tensor;

pub use activation::Activation;
pub use directions::{Directions, Line, MAX_ORDER};
pub use embedding::{Embedding, Feature};
pub use mlp::{Mlp, Tape};
pub use tensor::TensorMlp;
