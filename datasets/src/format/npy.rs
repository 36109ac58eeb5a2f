//! NPY arrays: one series `[time]` or `[time, channel]`, several `[trajectory, time, channel]`, or fields `[trajectory, time, channel, x, …]`.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ndarray::ArrayD;
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement};

use super::numbers::{Source, numbers, series};
use super::trajectories::{Array, Number, Piece, Storage};
use super::{FormatError, Series, Trajectories, guarded};

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
            entry: "array".into(),
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

/// Opens fields, `[trajectory, time, channel, x, …]`, of single or double numbers in the order of C, of which nothing is read yet; none if the file
/// holds something else.
///
/// # Errors
/// If it is shorter than its heading says.
pub(super) fn open(path: &Path) -> Result<Option<Trajectories>, FormatError> {
    let fail = |source| FormatError::Open { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(fail)?;
    let Some((number, shape, offset)) = heading(&mut file) else { return Ok(None) };
    if !(4..=6).contains(&shape.len()) {
        return Ok(None);
    }
    let array = Array {
        name: "array".into(),
        storage: Storage::Contiguous { file: Arc::new(Mutex::new(file)), offset, number },
        varies: [true; 2],
        times: shape[1],
        points: shape[3..].to_vec(),
        components: shape[2],
        leading: true,
    };
    let piece = Piece { path: path.to_owned(), trajectories: shape[0], arrays: vec![array] };
    let slots = (0..shape[2]).map(|c| (0, c)).collect();
    Trajectories::new(path, (shape[1], &shape[3..]), vec![piece], slots, Vec::new()).map(Some)
}

/// The numbers, the shape and the place of the data, where a heading is understood: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
fn heading(file: &mut File) -> Option<(Number, Vec<usize>, u64)> {
    let mut fixed = [0; 8];
    file.read_exact(&mut fixed).ok()?;
    let size = if fixed[6] == 1 { 2 } else { 4 };
    let mut length = [0; 4];
    file.read_exact(&mut length[..size]).ok()?;
    let length = u32::from_le_bytes(length);
    let mut text = Vec::new();
    file.take(u64::from(length)).read_to_end(&mut text).ok()?;
    let text = String::from_utf8(text).ok().filter(|t| t.len() == length as usize)?;
    let after = |key: &str| text.split_once(key).map(|(_, rest)| rest.trim_start_matches([' ', ':']));
    let kind = after("'descr'")?.trim_start_matches('\'').get(..3)?;
    let number = Number { single: kind.ends_with("f4"), little_endian: kind.starts_with('<') };
    let known = ["<f4", "<f8", ">f4", ">f8"].contains(&kind);
    if !known || !after("'fortran_order'")?.starts_with("False") {
        return None;
    }
    let (shape, _) = after("'shape'")?.trim_start_matches('(').split_once(')')?;
    let sizes = shape.split(',').map(str::trim).filter(|n| !n.is_empty()).map(|n| n.parse().ok());
    Some((number, sizes.collect::<Option<_>>()?, 8 + size as u64 + u64::from(length)))
}
