//! Where an axis has its ticks.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;

use super::number;

/// Ticks of an axis, at most.
const MOST: f64 = 8.0;

/// Decades from which on a logarithmic axis has ticks at powers of ten alone.
const DECADES: f64 = 2.0;

/// The ticks of an axis.
pub(super) struct Ticks {
    /// Their places, in the units that are drawn: logarithms on a logarithmic axis.
    pub(super) at: Vec<f64>,
    /// The distance of two neighbours in the units that are shown, zero if it differs.
    step: f64,
    log: bool,
}

impl Ticks {
    /// At multiples of 1, 2 or 5 times a power of ten, of whole numbers only if `whole`.
    pub(super) fn linear(low: f64, high: f64, whole: bool) -> Self {
        let rough = (high - low) / MOST;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough * (1.0 - 1e-9));
        let mut step = step.unwrap_or(10.0 * power);
        if whole {
            step = step.max(1.0);
        }
        let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
        let count = if last >= first { (last - first) as usize + 1 } else { 0 };
        Self { at: (0..count).map(|i| (first + i as f64) * step).collect(), step, log: false }
    }

    /// Of an axis that runs from `10^low` to `10^high`: at powers of ten; between fewer than two decades at 1, 2 and 5 times
    /// them; on a still shorter axis at even distances.
    pub(super) fn logarithmic(low: f64, high: f64) -> Self {
        let (first, last) = ((low - 1e-9).ceil() as i32, (high + 1e-9).floor() as i32);
        let at: Vec<f64> = if high - low >= DECADES {
            let stride = f64::from(last - first + 1) / MOST;
            (first..=last).step_by(stride.ceil().max(1.0) as usize).map(f64::from).collect()
        } else {
            let multiples =
                (first - 1..=last).flat_map(|e| [1.0_f64, 2.0, 5.0].map(|m| m.log10() + f64::from(e)));
            multiples.filter(|v| (low - 1e-9..=high + 1e-9).contains(v)).collect()
        };
        if at.len() >= 3 {
            return Self { at, step: 0.0, log: true };
        }
        let even = Self::linear(10f64.powf(low), 10f64.powf(high), false);
        Self { at: even.at.into_iter().map(f64::log10).collect(), step: even.step, log: true }
    }

    /// At 1, 2, …, `n`.
    pub(super) fn each(n: usize) -> Self {
        Self { at: (1..=n).map(|i| i as f64).collect(), step: 1.0, log: false }
    }

    /// What stands at a tick.
    pub(super) fn label(&self, at: f64) -> String {
        number(if self.log { 10f64.powf(at) } else { at }, self.step)
    }
}

/// An axis with its ticks.
pub(super) struct Axis {
    scale: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Axis {
    /// From one end to the other, in the order in which they are drawn.
    pub(super) fn new(ends: Range<f64>, ticks: &Ticks) -> Self {
        Self { scale: ends.into(), ticks: ticks.at.clone() }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.scale.map(value, limit)
    }

    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.scale.range()
    }
}

#[cfg(test)]
mod tests {
    use super::Ticks;

    fn labels(ticks: &Ticks) -> Vec<String> {
        ticks.at.iter().map(|t| ticks.label(*t)).collect()
    }

    #[test]
    fn ticks_of_a_narrow_axis_differ() {
        assert_eq!(
            labels(&Ticks::linear(13.01, 13.06, false)),
            ["13.01", "13.02", "13.03", "13.04", "13.05", "13.06"]
        );
        assert_eq!(labels(&Ticks::linear(-1.0, 1.0, false)), ["-1", "-0.5", "0", "0.5", "1"]);
        assert_eq!(labels(&Ticks::linear(123_456.0, 123_457.0, false))[1], "1.234562e5");
        for (low, high) in
            [(13.0, 13.000_1), (1e-7, 1.01e-7), (99_999.5, 100_000.5), (-3e-12, 5e-12), (0.0, 1e9)]
        {
            let mut shown = labels(&Ticks::linear(low, high, false));
            assert!((3..=9).contains(&shown.len()), "{shown:?}");
            shown.dedup();
            assert_eq!(shown.len(), Ticks::linear(low, high, false).at.len(), "{shown:?}");
        }
    }

    #[test]
    fn counts_have_whole_ticks() {
        assert_eq!(labels(&Ticks::linear(0.9, 3.1, true)), ["1", "2", "3"]);
        assert_eq!(labels(&Ticks::linear(0.5, 40.5, true)), ["5", "10", "15", "20", "25", "30", "35", "40"]);
    }

    #[test]
    fn logarithmic_axes_have_round_ticks() {
        assert_eq!(labels(&Ticks::logarithmic(-3.2, 0.3)), ["0.001", "0.01", "0.1", "1"]);
        assert_eq!(labels(&Ticks::logarithmic(-1.0, 0.31)), ["0.1", "0.2", "0.5", "1", "2"]);
        assert_eq!(
            labels(&Ticks::logarithmic(-16.0, 0.0)),
            ["1e-16", "1e-13", "1e-10", "1e-7", "1e-4", "0.1"]
        );
        assert_eq!(labels(&Ticks::logarithmic(13f64.log10(), 14f64.log10()))[..3], ["13", "13.2", "13.4"]);
    }
}
