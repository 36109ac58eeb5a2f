//! What a model is shown of the data: `[data.observe]`.

use flowmap_solvers::issue::{Check, Issue, Validate};
use ndarray::{ArrayD, ArrayView3, Axis, Ix3, s};
use rand::RngExt;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use crate::card::Observation;
use crate::dataset::{Dataset, Normalisation, Part};
use crate::embedding::{
    LONGEST_DELAY, dimension_by_false_neighbours, embed, first_minimum_of_information,
    first_zero_of_autocorrelation,
};
use crate::rng::stream;

/// Noise, a choice of channels, delays and a scale, in this order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObserveConfig {
    /// The standard deviation of Gaussian noise, relative to that of each channel of the training data.
    pub noise: f64,
    /// Which data are noisy.
    pub noisy: Noisy,
    /// The channels observed, by name; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// The channels that drive a model of time series, by name: known without noise at all times, in free runs too, and not
    /// reconstructed. They come after the channels observed, which are all others if none are named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// Delays of each channel observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding: Option<EmbeddingConfig>,
    /// Whether each channel is given the mean zero and the standard deviation one of the training data.
    pub standardise: bool,
}

/// Which data are noisy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noisy {
    /// Those that train and validate; what judges is exact.
    #[default]
    Training,
    /// All of them.
    All,
}

/// Delays: a channel becomes `[x(t), x(t − τ), …, x(t − (m − 1)τ)]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddingConfig {
    /// `m`; zero chooses it by false nearest neighbours of the first channel observed.
    pub dimension: usize,
    /// `τ` in samples; zero chooses it by `choose` from the first channel observed.
    pub delay: usize,
    /// How a delay is chosen.
    pub choose: DelayRule,
}

/// How a delay is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DelayRule {
    /// The first minimum of the mutual information.
    #[default]
    MutualInformation,
    /// The first zero of the autocorrelation.
    Autocorrelation,
}

impl Validate for ObserveConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.non_negative("noise", self.noise);
        for (i, name) in self.channels.iter().enumerate() {
            let new = !self.channels[..i].contains(name);
            check.require(new, "channels", format!("'{name}' twice"), "name every channel once");
        }
        for (i, name) in self.inputs.iter().enumerate() {
            let new = !self.inputs[..i].contains(name);
            check.require(new, "inputs", format!("'{name}' twice"), "name every input once");
            let apart = !self.channels.contains(name);
            check.require(apart, "inputs", format!("'{name}' is observed too"), "name it in one of the two");
        }
        check.require(
            self.inputs.is_empty() || self.embedding.is_none(),
            "inputs",
            "inputs cannot be embedded",
            "leave out data.observe.embedding, or data.observe.inputs",
        );
        if let Some(embedding) = &self.embedding {
            let mut check = check.table("embedding");
            check.within("dimension", embedding.dimension, 0, 100);
            check.within("delay", embedding.delay, 0, 100_000);
        }
    }
}

impl ObserveConfig {
    /// The data as a model sees them. Statistics are those of the training part; noise has a stream of its own for each
    /// trajectory, and does not depend on the choice of channels.
    ///
    /// # Errors
    /// If a channel is unknown or constant, fields shall be embedded, no delay can be chosen, or a part is shorter than
    /// the delays.
    pub fn apply(&self, mut data: Dataset, seed: u64) -> Result<Dataset, Issue> {
        let keep = self.chosen(&data)?;
        let exact = Normalisation::fit(data.part(&data.split.train));
        self.require_variation(&data, &keep)?;
        let mut observation =
            Observation { noise_std: vec![0.0; keep.len()], dimension: 1, delay: 0, scale: None, inputs: 0 };
        observation.inputs = self.inputs.len();
        if self.noise > 0.0 {
            let known = |c: usize| self.inputs.contains(&data.channels[c]);
            let of = |(c, s): (usize, &f64)| if known(c) { 0.0 } else { self.noise * s };
            let std: Vec<f64> = exact.std.iter().enumerate().map(of).collect();
            self.disturb(&mut data, &std, seed);
            observation.noise_std = keep.iter().map(|c| std[*c]).collect();
        }
        if keep.iter().enumerate().any(|(i, c)| i != *c) || keep.len() < data.channels.len() {
            data.values = data.values.select(Axis(2), &keep);
            data.channels = keep.iter().map(|c| data.channels[*c].clone()).collect();
        }
        if let Some(embedding) = &self.embedding {
            (observation.dimension, observation.delay) = embedding.apply(&mut data)?;
        }
        if self.standardise {
            let scale = Normalisation::fit(data.part(&data.split.train));
            for (c, mut channel) in data.values.axis_iter_mut(Axis(2)).enumerate() {
                channel.mapv_inplace(|u| (u - scale.mean[c]) / scale.std[c]);
            }
            observation.scale = Some(scale);
        }
        if *self != Self::default() {
            data.card.observation = Some(observation);
        }
        Ok(data)
    }

    /// The places of the channels observed, and of the inputs.
    fn chosen(&self, data: &Dataset) -> Result<Vec<usize>, Issue> {
        let place = |key: &str, name: &String| {
            data.channels.iter().position(|c| c == name).ok_or_else(|| {
                Issue::new(format!("data.observe.{key}"), format!("no channel '{name}'"))
                    .hint(format!("there are {}", data.channels.join(", ")))
            })
        };
        let inputs: Vec<usize> =
            self.inputs.iter().map(|name| place("inputs", name)).collect::<Result<_, _>>()?;
        let mut keep = match self.channels.as_slice() {
            [] => (0..data.channels.len()).filter(|c| !inputs.contains(c)).collect(),
            named => named.iter().map(|name| place("channels", name)).collect::<Result<Vec<_>, _>>()?,
        };
        if keep.is_empty() {
            let issue = Issue::new("data.observe.inputs", "all channels are inputs: nothing is observed");
            return Err(issue.hint("name fewer inputs"));
        }
        keep.extend(inputs);
        Ok(keep)
    }

    /// A constant channel has no scale, and nothing can be learned of it.
    fn require_variation(&self, data: &Dataset, keep: &[usize]) -> Result<(), Issue> {
        let train = data.part(&data.split.train);
        for &c in keep {
            let channel = train.index_axis(Axis(2), c);
            let mut values = channel.iter();
            if let Some(first) = values.next()
                && values.all(|v| v == first)
            {
                let (name, all) = (&data.channels[c], data.channels.iter());
                let others: Vec<_> = all.filter(|n| *n != name).map(|n| format!("\"{n}\"")).collect();
                let path = if data.card.source.is_some() { "data.file.path" } else { "data.observe" };
                return Err(Issue::new(
                    path,
                    format!("channel '{name}' is constant ({first}) in the training data"),
                )
                .hint(format!("leave it out by data.observe.channels = [{}]", others.join(", "))));
            }
        }
        Ok(())
    }

    fn disturb(&self, data: &mut Dataset, std: &[f64], seed: u64) {
        let test = data.split.test.clone();
        for (t, mut trajectory) in data.values.axis_iter_mut(Axis(0)).enumerate() {
            let mut rng = stream(seed, "observation", t as u64);
            for (i, mut sample) in trajectory.axis_iter_mut(Axis(0)).enumerate() {
                let noisy = self.noisy == Noisy::All || !test.contains(t, i);
                for (mut channel, std) in sample.axis_iter_mut(Axis(0)).zip(std) {
                    let factor = if noisy { *std } else { 0.0 };
                    channel.mapv_inplace(|u| u + factor * rng.sample::<f64, _>(StandardNormal));
                }
            }
        }
    }
}

impl EmbeddingConfig {
    /// Embeds; returns the dimension and the delay.
    fn apply(&self, data: &mut Dataset) -> Result<(usize, usize), Issue> {
        let path = |key: &str| format!("data.observe.embedding{key}");
        let Ok(values) = data.values.view().into_dimensionality::<Ix3>() else {
            return Err(Issue::new(path(""), "fields cannot be embedded").hint("leave the embedding out"));
        };
        let train = &data.split.train;
        let first = values.slice(s![train.trajectories.start, train.samples.clone(), 0]).to_vec();
        let delay = match (self.delay, self.choose) {
            (0, DelayRule::MutualInformation) => first_minimum_of_information(&first),
            (0, DelayRule::Autocorrelation) => first_zero_of_autocorrelation(&first),
            (given, _) => Some(given),
        };
        let delay = delay.ok_or_else(|| {
            let what = format!("no delay up to {} samples by this rule", LONGEST_DELAY.min(first.len() / 4));
            Issue::new(path(".choose"), what).hint("give data.observe.embedding.delay, or another rule")
        })?;
        let dimension = match self.dimension {
            0 => dimension_by_false_neighbours(&first, delay),
            given => given,
        };
        let lost = (dimension - 1) * delay;
        let split = &mut data.split;
        for (name, part) in
            [("train", &mut split.train), ("validation", &mut split.validation), ("test", &mut split.test)]
        {
            if !part.trajectories.is_empty() && !part.samples.is_empty() {
                *part = shorten(part, lost).ok_or_else(|| {
                    let have = part.samples.len();
                    let what =
                        format!("{lost} samples of past, and the {name} part has {have} samples in all");
                    Issue::new(path(".delay"), what)
                        .hint("lower the delay or the dimension, or give longer series")
                })?;
            }
        }
        let embedded = embedded(values, dimension, delay);
        data.channels = names(&data.channels, dimension, delay);
        data.times.truncate(embedded.shape()[1]);
        data.values = embedded;
        Ok((dimension, delay))
    }
}

/// The samples of a part whose past lies in the part too.
fn shorten(part: &Part, lost: usize) -> Option<Part> {
    let samples = part.samples.start..part.samples.end.checked_sub(lost)?;
    (samples.len() >= 2).then(|| Part { trajectories: part.trajectories.clone(), samples })
}

fn embedded(values: ArrayView3<'_, f64>, dimension: usize, delay: usize) -> ArrayD<f64> {
    embed(values, dimension, delay).into_dyn()
}

fn names(channels: &[String], dimension: usize, delay: usize) -> Vec<String> {
    let one = |c: &String, k: usize| if k == 0 { c.clone() } else { format!("{c}(t-{})", k * delay) };
    channels.iter().flat_map(|c| (0..dimension).map(move |k| one(c, k))).collect()
}
