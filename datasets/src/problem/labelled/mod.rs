//! Series with labels: what a classifier tells apart.

mod spirals;

pub use spirals::Spirals;

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;

/// Kinds of series that are drawn at any times.
pub trait Labelled: Send + Sync {
    /// The name in configs.
    fn name(&self) -> &'static str;

    /// One line of mathematics.
    fn equation(&self) -> &'static str;

    /// The names of the classes, in the order of their labels.
    fn classes(&self) -> Vec<String>;

    /// The names of the channels.
    fn channels(&self) -> Vec<String>;

    /// Draws a series of a class, `[time, channel]`, at times that ascend from zero or later.
    fn draw(&self, label: usize, times: &[f64], rng: &mut ChaCha8Rng) -> Array2<f64>;
}
