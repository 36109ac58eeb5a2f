//! Problems with their exact solutions, generators of data, and file formats.

pub mod cache;
pub mod card;
pub mod cloud;
pub mod data;
pub mod dataset;
pub mod drift;
pub mod embedding;
pub mod file;
pub mod flow;
pub mod format;
pub mod generate;
pub mod initial;
pub mod labelled;
pub mod observe;
pub mod problem;
pub mod rng;
pub mod series;
pub mod simulate;
mod special;
mod stored;
mod tail;
