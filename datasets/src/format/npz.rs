//! NPZ archives: `values` `[trajectory, time, channel, x, …]`, `times`, and `x`, `y`, `z` as far as there are axes.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use ndarray::{Array1, ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, NpzWriter, ReadNpzError};

use super::{FormatError, Series, guarded};
use crate::file::write_atomically;

const AXES: [&str; 3] = ["x", "y", "z"];

/// Writes an archive, whole or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, series: &Series) -> Result<(), FormatError> {
    let fail = |message: String| FormatError::Write { path: path.to_owned(), message };
    let mut bytes = Cursor::new(Vec::new());
    let mut archive = NpzWriter::new_compressed(&mut bytes);
    let encode = || -> Result<(), ndarray_npy::WriteNpzError> {
        archive.add_array("values", &series.values)?;
        archive.add_array("times", &Array1::from(series.times.clone()))?;
        for (name, x) in AXES.iter().zip(&series.coordinates) {
            archive.add_array(*name, &Array1::from(x.clone()))?;
        }
        archive.finish()?;
        Ok(())
    };
    encode().map_err(|e| fail(e.to_string()))?;
    write_atomically(path, bytes.get_ref()).map_err(|e| fail(e.to_string()))
}

/// Reads an archive; entries may be `f32` or `f64`.
///
/// # Errors
/// If it is damaged, or lacks `values` or `times`.
pub fn read(path: &Path) -> Result<Series, FormatError> {
    let bytes = std::fs::read(path).map_err(|source| FormatError::Open { path: path.to_owned(), source })?;
    guarded(path, || {
        let damaged = |message: String| FormatError::Damaged { path: path.to_owned(), message };
        let mut archive = NpzReader::new(Cursor::new(bytes)).map_err(|e| damaged(e.to_string()))?;
        let names = archive.names().map_err(|e| damaged(e.to_string()))?;
        let mut entry = |entry: &'static str| -> Result<ArrayD<f64>, FormatError> {
            let name = names.iter().find(|n| n.as_str() == entry || n.trim_end_matches(".npy") == entry);
            let Some(name) = name else {
                return Err(FormatError::Missing { path: path.to_owned(), entry, found: names.clone() });
            };
            array(&mut archive, name).map_err(|e| damaged(format!("entry '{entry}': {e}")))
        };
        let values = entry("values")?;
        if values.ndim() < 3 {
            return Err(FormatError::Shape {
                path: path.to_owned(),
                entry: "values",
                found: values.shape().to_vec(),
                wanted: "[trajectory, time, channel, x, …]",
            });
        }
        let times: Vec<f64> = entry("times")?.iter().copied().collect();
        if times.len() != values.shape()[1] {
            return Err(FormatError::Shape {
                path: path.to_owned(),
                entry: "times",
                found: vec![times.len()],
                wanted: "one entry for every sample of 'values'",
            });
        }
        let axes = values.ndim() - 3;
        let coordinates = AXES[..axes.min(3)]
            .iter()
            .map(|a| entry(a).map(|x| x.iter().copied().collect()))
            .collect::<Result<_, _>>()?;
        Ok(Series {
            values: values.as_standard_layout().into_owned(),
            times,
            coordinates,
            channels: Vec::new(),
        })
    })
}

fn array<R: Read + Seek>(archive: &mut NpzReader<R>, name: &str) -> Result<ArrayD<f64>, ReadNpzError> {
    match archive.by_name::<OwnedRepr<f64>, IxDyn>(name) {
        Ok(values) => Ok(values),
        Err(first) => match archive.by_name::<OwnedRepr<f32>, IxDyn>(name) {
            Ok(values) => Ok(values.mapv(f64::from)),
            Err(_) => Err(first),
        },
    }
}
