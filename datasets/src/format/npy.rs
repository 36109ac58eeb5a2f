//! NPY arrays: one series `[time]` or `[time, channel]`, several `[trajectory, time, channel]`, or fields `[trajectory, time, channel, x, …]`.

use std::path::Path;

use ndarray::ArrayD;
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement};

use super::numbers::{Source, numbers, series};
use super::{FormatError, Series, guarded};

/// Reads an array of real numbers, in the order of C or of Fortran.
///
/// # Errors
/// If it is damaged, holds something else, or has no axis or more than six.
pub fn read(path: &Path) -> Result<Series, FormatError> {
    let bytes = std::fs::read(path).map_err(|source| FormatError::Open { path: path.to_owned(), source })?;
    guarded(path, || {
        let values = numbers(path, &mut Bytes(&bytes), |e| FormatError::Damaged {
            path: path.to_owned(),
            message: e.to_string(),
        })?;
        let found = values.shape().to_vec();
        if (4..=6).contains(&found.len()) {
            let values = values.as_standard_layout().into_owned();
            return Ok(Series { values, times: Vec::new(), coordinates: Vec::new(), channels: Vec::new() });
        }
        series(values).ok_or_else(|| FormatError::Shape {
            path: path.to_owned(),
            entry: "array",
            found,
            wanted: "[time, channel], [trajectory, time, channel] or [trajectory, time, channel, x, …]",
        })
    })
}

struct Bytes<'a>(&'a [u8]);

impl Source for Bytes<'_> {
    fn read<T: ReadableElement>(&mut self) -> Result<ArrayD<T>, ReadNpyError> {
        ArrayD::read_npy(self.0)
    }
}
