//! NPY arrays: one series `[time]` or `[time, channel]`, or several `[trajectory, time, channel]`.

use std::path::Path;

use ndarray::ArrayD;
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement};

use super::numbers::{Source, numbers, series};
use super::{FormatError, Series, guarded};

/// Reads an array of real numbers, in the order of C or of Fortran.
///
/// # Errors
/// If it is damaged, holds something else, or has no axis or more than three.
pub fn read(path: &Path) -> Result<Series, FormatError> {
    let bytes = std::fs::read(path).map_err(|source| FormatError::Open { path: path.to_owned(), source })?;
    guarded(path, || {
        let values = numbers(path, &mut Bytes(&bytes), |e| FormatError::Damaged {
            path: path.to_owned(),
            message: e.to_string(),
        })?;
        let found = values.shape().to_vec();
        series(values).ok_or_else(|| FormatError::Shape {
            path: path.to_owned(),
            entry: "array",
            found,
            wanted: "[time, channel] or [trajectory, time, channel]",
        })
    })
}

struct Bytes<'a>(&'a [u8]);

impl Source for Bytes<'_> {
    fn read<T: ReadableElement>(&mut self) -> Result<ArrayD<T>, ReadNpyError> {
        ArrayD::read_npy(self.0)
    }
}
