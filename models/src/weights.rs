//! Weights that a model takes from a file.

use std::path::{Path, PathBuf};

use burn::store::{ModuleSnapshot, PytorchStore, SafetensorsStore};

/// Where trainers of PyTorch keep the weights beside other things.
const TOPS: [Option<&str>; 3] = [Some("state_dict"), Some("model_state_dict"), None];

/// Why a model cannot take the weights of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", path.display())]
pub struct WeightsError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub message: String,
}

/// The model with the weights of a file: those that this program has written (`.safetensors`), or those of a PyTorch checkpoint, whose keys become
/// the model's by patterns that are applied one after the other.
///
/// # Errors
/// If there is no such file or it cannot be read, there are no patterns for a checkpoint, or weights are missing or have other shapes.
pub fn with_weights<M: ModuleSnapshot>(
    mut model: M,
    path: &Path,
    keys: Option<&[(&str, &str)]>,
) -> Result<M, WeightsError> {
    let unfit = |message: String| WeightsError { path: path.to_owned(), message };
    if !path.is_file() {
        return Err(unfit("no such file".into()));
    }
    let applied = if path.extension().is_some_and(|e| e == "safetensors") {
        let mut store = SafetensorsStore::from_file(path).allow_partial(true).validate(false);
        model.load_from(&mut store).map_err(|e| unfit(e.to_string()))?
    } else {
        let Some(keys) = keys else {
            return Err(unfit("of this network no PyTorch checkpoints are known".into()));
        };
        let mut found = Err(unfit("it holds no weights".into()));
        for top in TOPS {
            let mut store = PytorchStore::from_file(path)
                .map_indices_contiguous(false)
                .allow_partial(true)
                .validate(false);
            if let Some(top) = top {
                store = store.with_top_level_key(top);
            }
            for (from, to) in keys {
                store = store.with_key_remapping(from, *to);
            }
            found = model.load_from(&mut store).map_err(|e| unfit(e.to_string()));
            if found.as_ref().is_ok_and(|a| !a.applied.is_empty() || !a.errors.is_empty()) {
                break;
            }
        }
        found?
    };
    if let Some(first) = applied.errors.first() {
        return Err(unfit(format!("{first}: not the weights of this network")));
    }
    if let Some((first, _)) = applied.missing.first() {
        let (count, of) = (applied.missing.len(), applied.missing.len() + applied.applied.len());
        return Err(unfit(format!(
            "{count} of the network's {of} tensors are not in it, the first is {first}"
        )));
    }
    if let Some(first) = applied.unused.first() {
        let count = applied.unused.len();
        return Err(unfit(format!(
            "{count} of its tensors have no place in the network, the first is {first}"
        )));
    }
    Ok(model)
}
