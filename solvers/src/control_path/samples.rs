//! Irregular, partly missing samples.

use ndarray::{Array2, ArrayView2, Axis, concatenate};

use super::ControlError;

/// Samples `[time, channel]` at ascending times; NaN is a missing value.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    times: Vec<f64>,
    values: Array2<f64>,
}

/// What stands for a missing value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// The line between the values before and after it; at the ends of a channel its nearest value.
    Interpolate,
    /// The value before it, so that nothing depends on what comes later.
    Hold,
}

impl Samples {
    /// Checks the samples.
    ///
    /// # Errors
    /// If there are fewer than two, a time is not finite or not after the one before, a value is infinite, or a channel has
    /// none.
    pub fn new(times: &[f64], values: ArrayView2<'_, f64>) -> Result<Self, ControlError> {
        let samples = values.nrows();
        if times.len() != samples {
            return Err(ControlError::Lengths { times: times.len(), samples });
        }
        if samples < 2 {
            return Err(ControlError::TooFew { samples });
        }
        if values.ncols() == 0 {
            return Err(ControlError::NoChannel);
        }
        for (index, &time) in times.iter().enumerate() {
            if !time.is_finite() {
                return Err(ControlError::TimeNotFinite { index, time });
            }
            let before = times[index.saturating_sub(1)];
            if index > 0 && time <= before {
                return Err(ControlError::Unordered { index, time, before });
            }
        }
        for (channel, column) in values.columns().into_iter().enumerate() {
            if let Some((index, &value)) = column.iter().enumerate().find(|(_, v)| v.is_infinite()) {
                return Err(ControlError::Infinite { index, channel, value });
            }
            if column.iter().all(|v| v.is_nan()) {
                return Err(ControlError::AllMissing { channel, samples });
            }
        }
        Ok(Self { times: times.to_vec(), values: values.to_owned() })
    }

    /// The same with the time as the first channel, without which an equation sees neither waiting times nor speed.
    #[must_use]
    pub fn with_time(self) -> Self {
        let time = ArrayView2::from_shape((self.times.len(), 1), &self.times);
        let values = time.and_then(|time| concatenate(Axis(1), &[time, self.values.view()]));
        Self { values: values.unwrap_or(self.values), times: self.times }
    }

    /// The times.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// The values `[time, channel]`, NaN where one is missing.
    pub fn values(&self) -> ArrayView2<'_, f64> {
        self.values.view()
    }

    /// The values `[time, channel]` without gaps.
    ///
    /// # Errors
    /// If a channel that holds its past begins with a gap.
    pub fn filled(&self, fill: Fill) -> Result<Array2<f64>, ControlError> {
        let mut values = self.values.clone();
        for (channel, mut column) in values.columns_mut().into_iter().enumerate() {
            let known: Vec<usize> = (0..column.len()).filter(|i| !column[*i].is_nan()).collect();
            let (Some(&first), Some(&last)) = (known.first(), known.last()) else { continue };
            match fill {
                Fill::Hold if first > 0 => {
                    return Err(ControlError::MissingStart { channel, missing: first });
                }
                Fill::Hold => {
                    for i in 1..column.len() {
                        if column[i].is_nan() {
                            column[i] = column[i - 1];
                        }
                    }
                }
                Fill::Interpolate => {
                    let (start, end) = (column[first], column[last]);
                    column.iter_mut().take(first).for_each(|v| *v = start);
                    column.iter_mut().skip(last + 1).for_each(|v| *v = end);
                    for pair in known.windows(2) {
                        let (a, b) = (pair[0], pair[1]);
                        let slope = (column[b] - column[a]) / (self.times[b] - self.times[a]);
                        for i in a + 1..b {
                            column[i] = column[a] + slope * (self.times[i] - self.times[a]);
                        }
                    }
                }
            }
        }
        Ok(values)
    }
}
