//! The layout of APEBench: `NAME_train.npy` and `NAME_test.npy`, each `[trajectory, time, channel, x, …]` in single precision, and `NAME.json`.
//!
//! The arrays hold no times and no axes. They are read as NPY arrays are: `[data.file] path = "NAME_train.npy"`, `test = "NAME_test.npy"`
//! beside the problem that they solve.

use std::path::{Path, PathBuf};

use ndarray::{ArrayViewD, Axis, concatenate};
use ndarray_npy::WriteNpyExt;

use super::FormatError;
use crate::dataset::Dataset;
use crate::file::write_atomically;

/// Writes the three files beside `path`, `NAME.npy`; what validates goes with what trains. Gives their paths.
///
/// # Errors
/// If the name does not end in `.npy`, or a file cannot be written.
pub fn write(path: &Path, data: &Dataset) -> Result<[PathBuf; 3], FormatError> {
    let fail = |path: &Path, message: String| FormatError::Write { path: path.to_owned(), message };
    let name = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".npy"));
    let Some(name) = name else {
        return Err(fail(path, "its name does not end in .npy".into()));
    };
    let paths = ["_train.npy", "_test.npy", ".json"].map(|end| path.with_file_name(format!("{name}{end}")));
    let array = |path: &Path, values: ArrayViewD<'_, f64>| {
        let mut bytes = Vec::new();
        let single = values.mapv(|v| v as f32);
        single.write_npy(&mut bytes).map_err(|e| fail(path, e.to_string()))?;
        write_atomically(path, &bytes).map_err(|e| fail(path, e.to_string()))
    };
    let parts = [&data.split.train, &data.split.validation].map(|part| data.part(part));
    array(&paths[0], concatenate![Axis(0), parts[0], parts[1]].view())?;
    array(&paths[1], data.part(&data.split.test))?;
    let card = serde_json::to_vec_pretty(&data.card).unwrap_or_default();
    write_atomically(&paths[2], &card).map_err(|e| fail(&paths[2], e.to_string()))?;
    Ok(paths)
}
