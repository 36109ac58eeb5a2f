//! Arrays of NumPy of any real type as `f64`.

use std::path::Path;

use ndarray::{ArrayD, Axis};
use ndarray_npy::{ReadNpyError, ReadableElement};

use super::{FormatError, Series};

/// What an array can be read from, again for every type that is tried.
pub(super) trait Source {
    fn read<T: ReadableElement>(&mut self) -> Result<ArrayD<T>, ReadNpyError>;
}

/// The array as `f64`: `f32`, `f64`, or integers of 8 to 64 bits (exact up to 2⁵³).
///
/// # Errors
/// If it holds something else; or with what `damaged` makes of the reader's words.
pub(super) fn numbers(
    path: &Path,
    source: &mut impl Source,
    damaged: impl FnOnce(ReadNpyError) -> FormatError,
) -> Result<ArrayD<f64>, FormatError> {
    macro_rules! try_each {
        ($($kind:ty),*) => {
            $(match source.read::<$kind>() {
                Err(ReadNpyError::WrongDescriptor(_)) => {}
                other => return other.map(|v| v.mapv(|x| x as f64)).map_err(damaged),
            })*
        };
    }
    try_each!(f32, i8, i16, i32, i64, u8, u16, u32, u64);
    match source.read::<f64>() {
        Err(ReadNpyError::WrongDescriptor(found)) => {
            Err(FormatError::Kind { path: path.to_owned(), found: found.to_string() })
        }
        other => other.map_err(damaged),
    }
}

/// An array alone as series: `[time]`, `[time, channel]` or `[trajectory, time, channel]`; none of another rank.
pub(super) fn series(values: ArrayD<f64>) -> Option<Series> {
    let values = match values.ndim() {
        1 => values.insert_axis(Axis(0)).insert_axis(Axis(2)),
        2 => values.insert_axis(Axis(0)),
        3 => values,
        _ => return None,
    };
    let values = values.as_standard_layout().into_owned();
    Some(Series { values, times: Vec::new(), coordinates: Vec::new(), channels: Vec::new() })
}
