//! Weights that a training starts from, and the scale of the channels that they belong to.

use std::fs;
use std::path::{Path, PathBuf};

use burn::store::ModuleSnapshot;
use flowmap_datasets::generate::DataError;
use flowmap_models::emulator::FieldSpec;
use flowmap_models::weights::with_weights;
use flowmap_solvers::issue::{Check, Issue, Validate};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::run_dir::{RunDir, write_atomically};

/// Where the scale of a model stands beside its weights.
const SCALE: &str = "scale.json";

/// Weights to start from: `[train.start]`.
///
/// They are of use with the scale of the channels that they were trained with. A run of this program keeps it beside them; of other files it is given here, or
/// else that of the training data is taken, and the report says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartConfig {
    /// `checkpoints/model/best.safetensors` of a run, or the PyTorch checkpoint of a SineNet or a modern U-Net; a relative path starts at the config's folder.
    pub path: PathBuf,
    /// The mean of every channel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mean: Vec<f64>,
    /// The standard deviation of every channel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub std: Vec<f64>,
}

impl Validate for StartConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.require(
            self.mean.len() == self.std.len(),
            "std",
            format!("{} means and {} standard deviations", self.mean.len(), self.std.len()),
            "give one of each for every channel, or none",
        );
        let proper =
            self.mean.iter().all(|m| m.is_finite()) && self.std.iter().all(|s| *s > 0.0 && s.is_finite());
        check.require(proper, "std", "standard deviations are positive numbers, means numbers", "give such");
    }
}

/// The scale of a model's channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scale {
    mean: Vec<f64>,
    std: Vec<f64>,
    /// Of what is left to be learned by a step, per unit of time.
    rate: Vec<f64>,
}

impl Scale {
    fn of(spec: &FieldSpec) -> Self {
        Self { mean: spec.mean.clone(), std: spec.std.clone(), rate: spec.rate.clone() }
    }

    fn applied(self, spec: &FieldSpec) -> Option<FieldSpec> {
        let fits = [&self.mean, &self.std, &self.rate].iter().all(|v| v.len() == spec.channels);
        fits.then(|| FieldSpec { mean: self.mean, std: self.std, rate: self.rate, ..spec.clone() })
    }

    fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }
}

fn refused(key: &str, what: impl Into<String>, hint: &str) -> Error {
    DataError::Config(Issue::new(format!("train.start.{key}"), what).hint(hint)).into()
}

impl StartConfig {
    /// Whether there is such a file: to be asked before anything is computed.
    ///
    /// # Errors
    /// If there is not.
    pub(crate) fn exists(&self) -> Result<(), Error> {
        match self.path.is_file() {
            true => Ok(()),
            false => Err(refused(
                "path",
                format!("no file {}", self.path.display()),
                "give the weights of a run, or of a PyTorch checkpoint",
            )),
        }
    }

    /// What a model is told of its field, with the scale of the weights; and whether that is known.
    ///
    /// # Errors
    /// If it is that of other channels.
    pub(crate) fn scaled(&self, spec: &FieldSpec) -> Result<(FieldSpec, bool), Error> {
        let misfit = |channels: usize| {
            refused(
                "mean",
                format!("a scale of {channels} channels for {}", spec.channels),
                "give one number for every channel",
            )
        };
        if !self.mean.is_empty() {
            let given = Scale { mean: self.mean.clone(), std: self.std.clone(), rate: spec.rate.clone() };
            return Ok((given.applied(spec).ok_or_else(|| misfit(self.mean.len()))?, true));
        }
        match Scale::read(&self.path.with_file_name(SCALE)) {
            Some(kept) => {
                let channels = kept.mean.len();
                Ok((kept.applied(spec).ok_or_else(|| misfit(channels))?, true))
            }
            None => Ok((spec.clone(), false)),
        }
    }

    /// A model with the weights; `keys` are the patterns of its PyTorch checkpoints.
    ///
    /// # Errors
    /// If they are not those of such a model.
    pub(crate) fn taken_up<M: ModuleSnapshot>(
        &self,
        model: M,
        keys: Option<&[(&str, &str)]>,
    ) -> Result<M, Error> {
        with_weights(model, &self.path, keys).map_err(|e| {
            refused(
                "path",
                e.to_string(),
                "the weights must be those of the same network, on as many frames and channels",
            )
        })
    }
}

/// Keeps the scale of a model beside its weights to be.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn keep_scale(run: &RunDir, role: &str, spec: &FieldSpec) -> Result<(), Error> {
    let folder = run.join("checkpoints").join(role);
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let text = serde_json::to_vec(&Scale::of(spec)).unwrap_or_default();
    write_atomically(&folder.join(SCALE), &text)
}

/// What a model that is resumed was told of its field, if it has begun.
pub(crate) fn begun(run: &RunDir, role: &str, spec: &FieldSpec) -> Option<FieldSpec> {
    let folder = run.join("checkpoints").join(role);
    let entries = fs::read_dir(&folder).ok()?.flatten();
    let last = entries.map(|e| e.file_name()).any(|n| n.to_string_lossy().starts_with("last-"));
    Scale::read(&folder.join(SCALE)).filter(|_| last)?.applied(spec)
}
