//! Problems with their exact solutions, generators of data, and file formats.

pub mod initial;
pub mod problem;
pub mod rng;
pub mod simulate;
mod special;
