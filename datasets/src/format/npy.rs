//! NPY arrays: one series `[time]` or `[time, channel]`, or several `[trajectory, time, channel]`.

use std::path::Path;

use ndarray::{ArrayD, Axis};
use ndarray_npy::{ReadNpyError, ReadNpyExt};

use super::{FormatError, Series, guarded};

/// Reads an array of `f32` or `f64`, in the order of C or of Fortran.
///
/// # Errors
/// If it is damaged, holds other numbers, or has no axis or more than three.
pub fn read(path: &Path) -> Result<Series, FormatError> {
    let bytes = std::fs::read(path).map_err(|source| FormatError::Open { path: path.to_owned(), source })?;
    guarded(path, || {
        let damaged = |e: ReadNpyError| FormatError::Damaged {
            path: path.to_owned(),
            message: match e {
                ReadNpyError::WrongDescriptor(found) => format!("numbers of type {found}, not f32 or f64"),
                other => other.to_string(),
            },
        };
        let values = match ArrayD::<f64>::read_npy(&bytes[..]) {
            Err(ReadNpyError::WrongDescriptor(_)) => {
                ArrayD::<f32>::read_npy(&bytes[..]).map(|v| v.mapv(f64::from)).map_err(damaged)?
            }
            other => other.map_err(damaged)?,
        };
        let values = match values.ndim() {
            1 => values.insert_axis(Axis(0)).insert_axis(Axis(2)),
            2 => values.insert_axis(Axis(0)),
            3 => values,
            _ => {
                return Err(FormatError::Shape {
                    path: path.to_owned(),
                    entry: "array",
                    found: values.shape().to_vec(),
                    wanted: "[time, channel] or [trajectory, time, channel]",
                });
            }
        };
        let values = values.as_standard_layout().into_owned();
        Ok(Series { values, times: Vec::new(), coordinates: Vec::new(), channels: Vec::new() })
    })
}
