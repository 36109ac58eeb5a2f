//! Models that tell classes of series apart, from irregular and partly missing samples.

mod gated;
mod log_signature;
mod nearest;

pub use gated::{GatedClassifier, GatedClassifierConfig};
pub use log_signature::{LogSignatureClassifier, LogSignatureClassifierConfig};
pub use nearest::{NearestClassifier, NearestClassifierConfig};

use burn::tensor::{Device, Tensor};
use flowmap_solvers::control_path::{ControlError, Samples};

/// What a classifier is made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesSpec {
    /// Channels of a series, without the time.
    pub channels: usize,
    /// Classes.
    pub classes: usize,
    /// The time that a series takes: the unit of time inside.
    pub span: f64,
}

/// A network that learns classes by gradients.
pub trait SeriesClassifier {
    /// The logarithms of the odds of the classes, `[series, class]`, up to a constant for each series.
    ///
    /// # Errors
    /// If the series make no control.
    fn logits(&self, series: &[Samples], device: &Device) -> Result<Tensor<2>, ControlError>;

    /// The likeliest class of each series.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    fn classify(&self, series: &[Samples], device: &Device) -> Result<Vec<usize>, ControlError> {
        self.logits(series, device).map(likeliest)
    }
}

/// The place of the largest entry of each row of logits `[series, class]`.
pub fn likeliest(logits: Tensor<2>) -> Vec<usize> {
    let [_, classes] = logits.dims();
    let values = logits.into_data().convert::<f32>().try_to_vec::<f32>().unwrap_or_default();
    let best = |row: &[f32]| {
        let top = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        top.map_or(0, |(class, _)| class)
    };
    values.chunks_exact(classes).map(best).collect()
}

/// A classifier that is fitted in one call, on the host.
pub trait FittedClassifier: Send + Sync {
    /// The class of a series.
    ///
    /// # Errors
    /// If the series makes no control.
    fn class(&self, series: &Samples) -> Result<usize, ControlError>;

    /// The numbers that were fitted or kept.
    fn parameters(&self) -> usize;
}
