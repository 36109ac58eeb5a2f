//! HDF5 in the layout of PDEBench: `tensor` `[trajectory, time, x]` or `[trajectory, time, x, y]`, one channel,
//! `x-coordinate`, `y-coordinate`, `t-coordinate` (which may hold one time more than there are samples).
//!
//! M. Takamoto et al., "PDEBench: An Extensive Benchmark for Scientific Machine Learning", NeurIPS 2022.

use std::path::Path;

use hdf5_pure::{File, FileBuilder};
use ndarray::{ArrayD, IxDyn};

use super::{FormatError, Series, guarded};
use crate::file::write_atomically;

const AXES: [&str; 2] = ["x-coordinate", "y-coordinate"];

/// Writes a file, whole or not at all.
///
/// # Errors
/// If the series has more than one channel or not one or two axes, or the file cannot be written.
pub fn write(path: &Path, series: &Series) -> Result<(), FormatError> {
    let shape = series.values.shape();
    if !(shape.len() == 4 || shape.len() == 5) || shape[2] != 1 {
        return Err(FormatError::Shape {
            path: path.to_owned(),
            entry: "tensor",
            found: shape.to_vec(),
            wanted: "[trajectory, time, 1, x] or [trajectory, time, 1, x, y]",
        });
    }
    let fail = |message: String| FormatError::Write { path: path.to_owned(), message };
    let mut builder = FileBuilder::new();
    let mut dataset = |name: &str, values: &[f64], shape: &[usize]| {
        let shape: Vec<u64> = shape.iter().map(|n| *n as u64).collect();
        builder.create_dataset(name).with_f64_data(values).with_shape(&shape);
    };
    let flat: Vec<f64> = series.values.iter().copied().collect();
    let tensor: Vec<usize> = shape.iter().enumerate().filter(|(a, _)| *a != 2).map(|(_, n)| *n).collect();
    dataset("tensor", &flat, &tensor);
    dataset("t-coordinate", &series.times, &[series.times.len()]);
    for (name, x) in AXES.iter().zip(&series.coordinates) {
        dataset(name, x, &[x.len()]);
    }
    let bytes = builder.finish().map_err(|e| fail(e.to_string()))?;
    write_atomically(path, &bytes).map_err(|e| fail(e.to_string()))
}

/// Reads a file; entries may be `f32` or `f64`, contiguous or chunked and compressed.
///
/// # Errors
/// If it is damaged, or lacks `tensor`, a coordinate or the time.
pub fn read(path: &Path) -> Result<Series, FormatError> {
    let bytes = std::fs::read(path).map_err(|source| FormatError::Open { path: path.to_owned(), source })?;
    guarded(path, || {
        let damaged =
            |e: hdf5_pure::Error| FormatError::Damaged { path: path.to_owned(), message: e.to_string() };
        let file = File::from_bytes(bytes).map_err(damaged)?;
        let found = file.root().datasets().map_err(damaged)?;
        let entry = |entry: &'static str| -> Result<(Vec<usize>, Vec<f64>), FormatError> {
            if !found.iter().any(|n| n == entry) {
                return Err(FormatError::Missing {
                    path: path.to_owned(),
                    entry,
                    found: found.clone(),
                    wanted: "'tensor' [trajectory, time, x] or [trajectory, time, x, y], 't-coordinate' and those of the axes",
                });
            }
            let dataset = file.dataset(entry).map_err(damaged)?;
            let shape = dataset.shape().map_err(damaged)?.iter().map(|n| *n as usize).collect();
            Ok((shape, dataset.read_f64().map_err(damaged)?))
        };
        let misfit = |entry, found: &[usize], wanted| FormatError::Shape {
            path: path.to_owned(),
            entry,
            found: found.to_vec(),
            wanted,
        };
        let (mut shape, tensor) = entry("tensor")?;
        if !(shape.len() == 3 || shape.len() == 4) {
            return Err(misfit("tensor", &shape, "[trajectory, time, x] or [trajectory, time, x, y]"));
        }
        let (samples, axes) = (shape[1], shape.len() - 2);
        let coordinates = AXES[..axes]
            .iter()
            .enumerate()
            .map(|(a, name)| {
                let (found, x) = entry(name)?;
                let fits = x.len() == shape[2 + a];
                fits.then_some(x).ok_or_else(|| misfit(name, &found, "one entry for every point of 'tensor'"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let (found, mut times) = entry("t-coordinate")?;
        if times.len() != samples && times.len() != samples + 1 {
            return Err(misfit(
                "t-coordinate",
                &found,
                "one entry for every sample of 'tensor', or one more",
            ));
        }
        times.truncate(samples);
        shape.insert(2, 1);
        let values = ArrayD::from_shape_vec(IxDyn(&shape), tensor)
            .map_err(|e| FormatError::Damaged { path: path.to_owned(), message: e.to_string() })?;
        Ok(Series { values, times, coordinates, channels: Vec::new() })
    })
}
