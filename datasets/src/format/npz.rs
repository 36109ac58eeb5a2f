//! NPZ archives: `values` `[trajectory, time, channel, x, …]`, `times`, and `x`, `y`, `z` as far as there are axes; or one
//! array alone, of any name, laid out as an NPY array.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use ndarray::{Array1, ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, NpzWriter, ReadNpyError, ReadNpzError, ReadableElement};

use super::numbers::{Source, numbers, series};
use super::{FormatError, Series, guarded};
use crate::file::write_atomically;

const AXES: [&str; 3] = ["x", "y", "z"];

const WANTED: &str = "'values' [trajectory, time, channel, x, …], 'times', and 'x', 'y', 'z' as far as there are axes; or one array \
                      alone, [time, channel] or [trajectory, time, channel]";

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

/// Reads an archive of real numbers.
///
/// # Errors
/// If it is damaged, or lacks `values` or `times` and is no single series.
pub fn read(path: &Path) -> Result<Series, FormatError> {
    let bytes = std::fs::read(path).map_err(|source| FormatError::Open { path: path.to_owned(), source })?;
    guarded(path, || {
        let damaged = |message: String| FormatError::Damaged { path: path.to_owned(), message };
        let mut archive = NpzReader::new(Cursor::new(bytes)).map_err(|e| damaged(e.to_string()))?;
        let names = archive.names().map_err(|e| damaged(e.to_string()))?;
        let mut array = |name: &str| {
            let mut entry = Entry { archive: &mut archive, name };
            numbers(path, &mut entry, |e| damaged(format!("entry '{}': {e}", bare(name))))
        };
        if let [only] = &names[..]
            && let Some(series) = series(array(only)?)
        {
            return Ok(series);
        }
        let mut entry = |entry: &'static str| match names.iter().find(|n| bare(n) == entry) {
            Some(name) => array(name),
            None => Err(FormatError::Missing {
                path: path.to_owned(),
                entry: entry.to_owned(),
                found: names.iter().map(|n| bare(n).to_owned()).collect(),
                wanted: WANTED,
            }),
        };
        let values = entry("values")?;
        if values.ndim() < 3 {
            return Err(FormatError::Shape {
                path: path.to_owned(),
                entry: "values".into(),
                found: values.shape().to_vec(),
                wanted: "[trajectory, time, channel, x, …]",
            });
        }
        let times: Vec<f64> = entry("times")?.iter().copied().collect();
        if times.len() != values.shape()[1] {
            return Err(FormatError::Shape {
                path: path.to_owned(),
                entry: "times".into(),
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

/// All arrays of real numbers of an archive, by their names.
///
/// # Errors
/// If it cannot be opened, is damaged, or holds something else.
pub fn arrays(path: &Path) -> Result<Vec<(String, ArrayD<f64>)>, FormatError> {
    let bytes = std::fs::read(path).map_err(|source| FormatError::Open { path: path.to_owned(), source })?;
    guarded(path, || {
        let damaged = |message: String| FormatError::Damaged { path: path.to_owned(), message };
        let mut archive = NpzReader::new(Cursor::new(bytes)).map_err(|e| damaged(e.to_string()))?;
        let names = archive.names().map_err(|e| damaged(e.to_string()))?;
        let read = |name: String| {
            let mut entry = Entry { archive: &mut archive, name: &name };
            let array = numbers(path, &mut entry, |e| damaged(format!("entry '{}': {e}", bare(&name))))?;
            Ok((bare(&name).to_owned(), array))
        };
        names.into_iter().map(read).collect()
    })
}

/// A name without the ending that NumPy gives it.
fn bare(name: &str) -> &str {
    name.trim_end_matches(".npy")
}

struct Entry<'a, R: Read + Seek> {
    archive: &'a mut NpzReader<R>,
    name: &'a str,
}

impl<R: Read + Seek> Source for Entry<'_, R> {
    fn read<T: ReadableElement>(&mut self) -> Result<ArrayD<T>, ReadNpyError> {
        self.archive.by_name::<OwnedRepr<T>, IxDyn>(self.name).map_err(|e| match e {
            ReadNpzError::Npy(e) => e,
            ReadNpzError::Zip(e) => ReadNpyError::Io(e.into()),
        })
    }
}
