//! Generated data, kept under the hash of what they were made from.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::card::DataCard;
use crate::file::write_atomically;

/// Beside the values: the card, and what shows that the values are whole.
#[derive(Serialize, Deserialize)]
struct Entry {
    card: DataCard,
    sha256: String,
}

/// The folder for cached data: `FLOWMAP_CACHE`, else `flowmap` in the user's cache folder.
pub fn folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    variable("FLOWMAP_CACHE").or_else(|| {
        let user = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
        user.map(|user| user.join("flowmap"))
    })
}

/// The data with the card's hash. What is missing, damaged or of another making counts as absent.
pub(crate) fn load(folder: &Path, wanted: &DataCard) -> Option<(DataCard, ArrayD<f64>)> {
    let entry: Entry = serde_json::from_slice(&fs::read(path(folder, wanted, "json")).ok()?).ok()?;
    let made_alike = |a: &DataCard, b: &DataCard| {
        (a.format_version, a.seed, &a.problem, &a.solver, &a.data)
            == (b.format_version, b.seed, &b.problem, &b.solver, &b.data)
    };
    if !made_alike(&entry.card, wanted) {
        return None;
    }
    let bytes = fs::read(path(folder, wanted, "npy")).ok()?;
    if checksum(&bytes) != entry.sha256 {
        return None;
    }
    let values = ndarray_npy::ReadNpyExt::read_npy(&bytes[..]).ok()?;
    Some((entry.card, values))
}

/// Keeps data. A cache that cannot be written is no error: the data are made again next time.
pub(crate) fn store(folder: &Path, card: &DataCard, values: &ArrayD<f64>) {
    let _ = try_store(folder, card, values);
}

fn try_store(folder: &Path, card: &DataCard, values: &ArrayD<f64>) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut bytes = Vec::new();
    ndarray_npy::WriteNpyExt::write_npy(values, &mut bytes).map_err(std::io::Error::other)?;
    write_atomically(&path(folder, card, "npy"), &bytes)?;
    let entry = Entry { card: card.clone(), sha256: checksum(&bytes) };
    write_atomically(&path(folder, card, "json"), &serde_json::to_vec_pretty(&entry)?)
}

fn path(folder: &Path, card: &DataCard, extension: &str) -> PathBuf {
    folder.join(format!("{}.{extension}", card.hash))
}

fn checksum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
