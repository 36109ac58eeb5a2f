//! What a training needs to go on: weights, optimiser, place. Written whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::{ModuleSnapshot, SafetensorsStore};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::average::Average;
use crate::error::Error;
use crate::run_dir::write_atomically;

const FORMAT_VERSION: u32 = 1;

/// The averaged weights of a last checkpoint.
const AVERAGE: &str = "average.safetensors";

/// The place of a training. Random streams are functions of the seed and the place, so they need no state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) format_version: u32,
    pub(super) epoch: usize,
    /// The next batch of the epoch.
    pub(super) batch: usize,
    /// The next step of all.
    pub(super) step: u64,
    /// The sum of the epoch's losses so far.
    pub(super) loss_sum: f64,
    /// The best validation error, and its step.
    pub(super) best: Option<(f64, u64)>,
    /// Validations since the best.
    pub(super) stale: usize,
    /// The bits of the forcing of a model of time series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) forcing: Option<u64>,
    /// What the objective must know to go on.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) memory: Value,
    pub(super) seconds: f64,
    pub(super) done: bool,
}

/// The checkpoints of one model: `last-STEP/` and `best.safetensors`.
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(super) fn open(folder: PathBuf) -> Result<Self, Error> {
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        Ok(Self { folder })
    }

    /// Writes the place with its weights and optimiser under a name of its own, then removes the one before.
    pub(super) fn save_last<M: Module + ModuleSnapshot>(
        &self,
        model: &M,
        optimiser: &ModuleOptimizer,
        average: &Average<M>,
        place: &Place,
    ) -> Result<(), Error> {
        let folder = &self.folder;
        let fresh = tempfile::Builder::new().prefix(".new-").tempdir_in(folder).map_err(Error::io(folder))?;
        write_atomically(&fresh.path().join("weights.safetensors"), &weights(model, folder)?)?;
        if let Some(average) = average.model() {
            write_atomically(&fresh.path().join(AVERAGE), &weights(average, folder)?)?;
        }
        let damaged = |e: String| Error::Checkpoint { path: folder.clone(), message: e };
        let bytes = optimiser.into_bytes().map_err(|e| damaged(e.to_string()))?;
        write_atomically(&fresh.path().join("optimiser.bpk"), &bytes)?;
        let place = Place { format_version: FORMAT_VERSION, ..place.clone() };
        let text = serde_json::to_vec_pretty(&place).map_err(|e| damaged(e.to_string()))?;
        write_atomically(&fresh.path().join("place.json"), &text)?;
        let before = self.all_last();
        let name = format!("last-{:09}-{}", place.step, u8::from(place.done));
        let target = folder.join(name);
        let fresh = fresh.keep();
        if target.exists() {
            fs::remove_dir_all(&target).map_err(Error::io(&target))?;
        }
        fs::rename(&fresh, &target).map_err(Error::io(&target))?;
        for old in before.into_iter().filter(|old| *old != target) {
            fs::remove_dir_all(&old).map_err(Error::io(&old))?;
        }
        Ok(())
    }

    /// Every complete last checkpoint, the newest last.
    fn all_last(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|e| e.path());
        let named = |p: &PathBuf| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("last-"));
        let mut found: Vec<_> = entries.filter(named).collect();
        found.sort();
        found
    }

    /// The newest place with its weights and optimiser, if there is one.
    pub(super) fn load_last<M: Module + ModuleSnapshot>(
        &self,
        model: M,
        optimiser: ModuleOptimizer,
    ) -> Result<(M, ModuleOptimizer, Option<Place>), Error> {
        // What a killed process left behind.
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|e| e.path());
        for path in
            entries.filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(".new-")))
        {
            let _ = fs::remove_dir_all(path);
        }
        let Some(folder) = self.all_last().pop() else { return Ok((model, optimiser, None)) };
        let damaged = |message: String| Error::Checkpoint { path: folder.clone(), message };
        let path = folder.join("place.json");
        let text = fs::read(&path).map_err(Error::io(&path))?;
        let place: Place = serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
        if place.format_version != FORMAT_VERSION {
            return Err(damaged(format!(
                "format version {} where this program reads {FORMAT_VERSION}",
                place.format_version
            )));
        }
        let model = load_weights(model, &folder.join("weights.safetensors"))?;
        let path = folder.join("optimiser.bpk");
        let bytes = fs::read(&path).map_err(Error::io(&path))?;
        let optimiser = optimiser
            .from_bytes(burn::tensor::Bytes::from_bytes_vec(bytes))
            .map_err(|e| damaged(e.to_string()))?;
        Ok((model, optimiser, Some(place)))
    }

    /// Takes up the averaged weights of the newest place, if they are averaged.
    pub(super) fn load_average<M: Module + ModuleSnapshot>(
        &self,
        average: &mut Average<M>,
    ) -> Result<(), Error> {
        if let (Some(model), Some(folder)) = (average.model().cloned(), self.all_last().pop()) {
            average.replace(load_weights(model, &folder.join(AVERAGE))?);
        }
        Ok(())
    }

    /// What there is to go on from, as the end of a message.
    pub(super) fn kept(&self) -> String {
        let place = self.all_last().pop().and_then(|folder| fs::read(folder.join("place.json")).ok());
        match place.and_then(|text| serde_json::from_slice::<Place>(&text).ok()) {
            Some(place) if place.batch == 0 => {
                format!("the weights after epoch {} are kept in {}", place.epoch, self.folder.display())
            }
            Some(place) => format!(
                "the weights after batch {} of epoch {} are kept in {}",
                place.batch,
                place.epoch + 1,
                self.folder.display()
            ),
            None => "no epoch was completed, so no weights are kept".into(),
        }
    }

    pub(super) fn save_best<M: Module + ModuleSnapshot>(&self, model: &M) -> Result<(), Error> {
        write_atomically(&self.best(), &weights(model, &self.folder)?)
    }

    pub(super) fn load_best<M: Module + ModuleSnapshot>(&self, model: M) -> Result<M, Error> {
        load_weights(model, &self.best())
    }

    fn best(&self) -> PathBuf {
        self.folder.join("best.safetensors")
    }
}

fn weights<M: Module + ModuleSnapshot>(model: &M, path: &Path) -> Result<Vec<u8>, Error> {
    // One key alone: several would be written in no fixed order.
    let mut store = SafetensorsStore::from_bytes(None)
        .clear_metadata()
        .metadata("flowmap_format", FORMAT_VERSION.to_string());
    let damaged = |e: String| Error::Checkpoint { path: path.to_owned(), message: e };
    model.save_into(&mut store).map_err(|e| damaged(e.to_string()))?;
    store.get_bytes().map_err(|e| damaged(e.to_string()))
}

fn load_weights<M: Module + ModuleSnapshot>(mut model: M, path: &Path) -> Result<M, Error> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    let mut store = SafetensorsStore::from_bytes(Some(bytes));
    let damaged = |e: String| Error::Checkpoint { path: path.to_owned(), message: e };
    model.load_from(&mut store).map_err(|e| damaged(e.to_string()))?;
    Ok(model)
}
