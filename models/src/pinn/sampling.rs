//! Points in space and time.

use ndarray::Array2;
use rand::{Rng, RngExt};

/// A stretch of an axis and of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Domain {
    /// Where the axis begins.
    pub origin: f64,
    /// Its length.
    pub length: f64,
    /// When the window begins.
    pub start: f64,
    /// How long it lasts.
    pub duration: f64,
}

/// Candidates for one point that follows the residual: where that is a thin layer, few of them are in it, and none should be taken
/// often.
const CANDIDATES: usize = 16;

impl Domain {
    /// `count` points `[point, (x, t)]` of the additive sequence of M. Roberts with the plastic number, shifted at random.
    pub(super) fn spread(&self, count: usize, rng: &mut impl Rng) -> Array2<f64> {
        const PLASTIC: f64 = 1.324_717_957_244_746;
        let shift = [rng.random::<f64>(), rng.random::<f64>()];
        let steps = [1.0 / PLASTIC, 1.0 / (PLASTIC * PLASTIC)];
        Array2::from_shape_fn((count, 2), |(i, axis)| {
            let unit = (shift[axis] + (i as f64 + 1.0) * steps[axis]).fract();
            match axis {
                0 => self.origin + self.length * unit,
                _ => self.start + self.duration * unit,
            }
        })
    }

    /// The same with the last `share` of them drawn from candidates with a probability in proportion to `size`, plus its mean.
    pub(super) fn adapted(
        &self,
        count: usize,
        share: f64,
        rng: &mut impl Rng,
        size: impl FnOnce(&Array2<f64>) -> Vec<f64>,
    ) -> Array2<f64> {
        let mut points = self.spread(count, rng);
        let following = (share * count as f64).round() as usize;
        if following == 0 {
            return points;
        }
        let candidates = self.spread(CANDIDATES * following, rng);
        let sizes = size(&candidates);
        let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
        if !(mean.is_finite() && mean > 0.0) {
            return points;
        }
        let total = 2.0 * mean * sizes.len() as f64;
        // Systematic draws: every candidate is taken as often as its share says, to within one.
        let (mut next, step) = (rng.random::<f64>() * total / following as f64, total / following as f64);
        let (mut sum, mut at) = (0.0, count - following);
        for (candidate, size) in candidates.rows().into_iter().zip(&sizes) {
            sum += size + mean;
            while next < sum && at < count {
                points.row_mut(at).assign(&candidate);
                at += 1;
                next += step;
            }
        }
        points
    }
}
