//! Trajectories, in memory or in their file: split, windows, normalisation.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayView2, ArrayViewD, Axis, CowArray, Ix2, IxDyn, Slice};
use serde::{Deserialize, Serialize};

use crate::card::DataCard;
use crate::format::{FormatError, Trajectories};

/// Trajectories with their axes.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// `[trajectory, time, channel, x, …]`, without those that are [`stored`](Self::stored).
    pub values: ArrayD<f64>,
    /// The first trajectories, which train, where they stay in their file.
    pub stored: Option<Stored>,
    /// The times of the samples.
    pub times: Vec<f64>,
    /// The points of every axis.
    pub coordinates: Vec<Vec<f64>>,
    /// The names of the channels.
    pub channels: Vec<String>,
    /// Which trajectories serve what.
    pub split: Split,
    /// Where they come from, and how exact they are.
    pub card: DataCard,
}

/// Trajectories that train and stay in their file.
#[derive(Clone, Debug)]
pub struct Stored {
    from: Arc<Trajectories>,
    /// Which of the file's.
    range: Range<usize>,
    normalisation: Normalisation,
}

impl Stored {
    pub(crate) fn new(from: Arc<Trajectories>, range: Range<usize>, normalisation: Normalisation) -> Self {
        Self { from, range, normalisation }
    }

    /// The file.
    pub fn file(&self) -> &Trajectories {
        &self.from
    }
}

/// Which part serves what. No window lies in two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// To train on.
    pub train: Part,
    /// To choose by.
    pub validation: Part,
    /// To judge by.
    pub test: Part,
}

/// A stretch of some trajectories, the same of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The trajectories.
    pub trajectories: Range<usize>,
    /// The samples of each.
    pub samples: Range<usize>,
}

impl Split {
    /// Whole trajectories of `samples`: the first train, the next validate, the last test.
    pub fn new(train: usize, validation: usize, test: usize, samples: usize) -> Self {
        let middle = train + validation;
        let part = |trajectories| Part { trajectories, samples: 0..samples };
        Self { train: part(0..train), validation: part(train..middle), test: part(middle..middle + test) }
    }
}

impl Split {
    /// The same with only the first samples of the trajectories that train and validate.
    #[must_use]
    pub fn shortened(mut self, samples: usize) -> Self {
        for part in [&mut self.train, &mut self.validation] {
            part.samples.end = part.samples.end.min(part.samples.start + samples);
        }
        self
    }
}

impl Part {
    /// Whether it holds the sample of the trajectory.
    pub fn contains(&self, trajectory: usize, sample: usize) -> bool {
        self.trajectories.contains(&trajectory) && self.samples.contains(&sample)
    }
}

impl Dataset {
    /// How many trajectories are not in memory.
    fn away(&self) -> usize {
        self.stored.as_ref().map_or(0, |s| s.range.len())
    }

    /// The values of one part in memory, without a copy.
    pub fn part(&self, part: &Part) -> ArrayViewD<'_, f64> {
        let Range { start, end } = part.trajectories;
        let here = start - self.away()..end - self.away();
        let mut view = self.values.slice_axis(Axis(0), Slice::from(here));
        view.slice_axis_inplace(Axis(1), Slice::from(part.samples.clone()));
        view
    }

    /// The series `[time, channel]` of one part, without a copy; none if the data are fields.
    pub fn series(&self, part: &Part) -> Vec<ArrayView2<'_, f64>> {
        let of = |t| {
            let mut samples = self.values.index_axis(Axis(0), t).into_dimensionality::<Ix2>().ok()?;
            samples.slice_axis_inplace(Axis(0), Slice::from(part.samples.clone()));
            Some(samples)
        };
        part.trajectories.clone().filter_map(of).collect()
    }

    /// How many channels, the last, are inputs of a model.
    pub fn inputs(&self) -> usize {
        self.card.observation.as_ref().map_or(0, |o| o.inputs)
    }

    /// The scale of the channels of the part that trains.
    pub fn normalisation(&self) -> Normalisation {
        match &self.stored {
            Some(stored) => stored.normalisation.clone(),
            None => Normalisation::fit(self.part(&self.split.train)),
        }
    }

    /// As [`window`](Self::window), from the file where the trajectory stays there.
    ///
    /// # Errors
    /// If the file cannot be read any more.
    pub fn frames(
        &self,
        trajectory: usize,
        start: usize,
        length: usize,
    ) -> Result<CowArray<'_, f64, IxDyn>, FormatError> {
        match &self.stored {
            Some(stored) if trajectory < stored.range.len() => {
                stored.from.window(stored.range.start + trajectory, start, length).map(CowArray::from)
            }
            _ => Ok(CowArray::from(self.window(trajectory - self.away(), start, length))),
        }
    }

    /// `[time, channel, x, …]`, `length` samples of a trajectory in memory from `start` on, without a copy.
    pub fn window(&self, trajectory: usize, start: usize, length: usize) -> ArrayViewD<'_, f64> {
        let mut view = self.values.index_axis(Axis(0), trajectory);
        view.slice_axis_inplace(Axis(0), Slice::from(start..start + length));
        view
    }

    /// Every window of `length` samples in a part, as `(trajectory, start)`.
    pub fn windows(&self, part: &Part, length: usize) -> Vec<(usize, usize)> {
        let first = part.samples.start;
        let end = (part.samples.end + 1).saturating_sub(length).max(first);
        part.trajectories.clone().flat_map(|t| (first..end).map(move |s| (t, s))).collect()
    }
}

/// `(u − mean) / std` channel by channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    /// Means of the channels.
    pub mean: Vec<f64>,
    /// Standard deviations of the channels; one where a channel does not vary.
    pub std: Vec<f64>,
}

impl Normalisation {
    /// Fits to `[trajectory, time, channel, x, …]`: pass the training part only.
    pub fn fit(values: ArrayViewD<'_, f64>) -> Self {
        let (mut mean, mut std) = (Vec::new(), Vec::new());
        for channel in values.axis_iter(Axis(2)) {
            let n = channel.len().max(1) as f64;
            let m = channel.sum() / n;
            let variance = channel.iter().map(|u| (u - m).powi(2)).sum::<f64>() / n;
            mean.push(m);
            std.push(if variance > 0.0 { variance.sqrt() } else { 1.0 });
        }
        Self { mean, std }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::Array;

    use super::*;

    fn dataset() -> Dataset {
        let values = Array::from_iter((0..4 * 5 * 2 * 3).map(f64::from));
        Dataset {
            values: values.into_shape_with_order(vec![4, 5, 2, 3]).unwrap(),
            stored: None,
            times: (0..5).map(f64::from).collect(),
            coordinates: vec![vec![0.0, 1.0, 2.0]],
            channels: vec!["a".into(), "b".into()],
            split: Split::new(2, 1, 1, 5),
            card: DataCard::default(),
        }
    }

    #[test]
    fn windows_are_views_of_the_right_samples() {
        let data = dataset();
        let windows = data.windows(&data.split.validation, 4);
        assert_eq!(windows, vec![(2, 0), (2, 1)]);
        let view = data.window(2, 1, 4);
        assert_eq!(view.shape(), [4, 2, 3]);
        assert_eq!(view[[0, 0, 0]], data.values[[2, 1, 0, 0]]);
        assert_eq!(view.as_ptr(), &raw const data.values[[2, 1, 0, 0]]);
        assert!(data.windows(&data.split.train, 6).is_empty());
        assert_eq!(data.part(&data.split.test).shape(), [1, 5, 2, 3]);
        // A stretch of a trajectory has the windows that lie inside it.
        let stretch = Part { trajectories: 0..1, samples: 2..5 };
        assert_eq!(data.windows(&stretch, 2), vec![(0, 2), (0, 3)]);
        assert_eq!(data.part(&stretch).shape(), [1, 3, 2, 3]);
        assert!(stretch.contains(0, 4) && !stretch.contains(0, 1) && !stretch.contains(1, 3));
        assert!(data.series(&stretch).is_empty(), "fields are no series");
    }

    #[test]
    fn series_are_views_of_their_stretches() {
        let data = Dataset {
            values: Array::from_iter((0..4 * 5 * 2).map(f64::from))
                .into_shape_with_order(vec![4, 5, 2])
                .unwrap(),
            ..dataset()
        };
        let series = data.series(&Part { trajectories: 1..3, samples: 3..5 });
        assert_eq!(series.len(), 2);
        assert_eq!(series[1].shape(), [2, 2]);
        assert_eq!(series[1][[1, 1]], data.values[[2, 4, 1]]);
    }

    #[test]
    fn normalisation_is_by_channel() {
        let data = dataset();
        let n = Normalisation::fit(data.part(&data.split.train));
        // Channel one is channel zero plus three.
        assert!((n.mean[1] - n.mean[0] - 3.0).abs() < 1e-12 && (n.std[0] - n.std[1]).abs() < 1e-12);
        assert!((n.mean[0] - 28.0).abs() < 1e-12, "{}", n.mean[0]);
    }
}
