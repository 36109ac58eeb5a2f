//! HDF5 in the layouts of PDEBench.
//!
//! One channel: `tensor` `[trajectory, time, x]` or `[trajectory, time, x, y]`, `x-coordinate`, `y-coordinate`, `t-coordinate` (which may hold
//! one time more than there are samples). Flows: in place of `tensor` one such array a field, `density`, `pressure`, `Vx`, `Vy`. By seed,
//! read only: groups `0000`, `0001`, … with `data` `[time, x, …, channel]` and `grid/x`, `grid/y`, `grid/t`.
//!
//! M. Takamoto et al., "PDEBench: An Extensive Benchmark for Scientific Machine Learning", NeurIPS 2022.

use std::path::Path;

use hdf5_pure::FileBuilder;
use ndarray::Axis;

use super::channels::{order, velocity};
use super::hdf5::Tree;
use super::trajectories::Piece;
use super::{FormatError, Series, Trajectories};
use crate::file::write_atomically;

const AXES: [&str; 3] = ["x-coordinate", "y-coordinate", "z-coordinate"];

/// The fields of a flow, in their order; the components of the velocity are the last.
const FIELDS: [&str; 5] = ["density", "pressure", "Vx", "Vy", "Vz"];

const WANTED: &str = "'tensor' or fields such as 'density', [trajectory, time, x] or [trajectory, time, x, y], 't-coordinate' and those of \
                      the axes";

/// Writes a file, whole or not at all: one channel as `tensor`, several under their names.
///
/// # Errors
/// If the series has not one to three axes, or the file cannot be written.
pub fn write(path: &Path, series: &Series) -> Result<(), FormatError> {
    let shape = series.values.shape();
    if !(4..=6).contains(&shape.len()) {
        return Err(FormatError::Shape {
            path: path.to_owned(),
            entry: "tensor".into(),
            found: shape.to_vec(),
            wanted: "[trajectory, time, channel, x] or [trajectory, time, channel, x, y]",
        });
    }
    let fail = |message: String| FormatError::Write { path: path.to_owned(), message };
    let mut builder = FileBuilder::new();
    let mut dataset = |name: &str, values: &[f64], shape: &[usize]| {
        let shape: Vec<u64> = shape.iter().map(|n| *n as u64).collect();
        builder.create_dataset(name).with_f64_data(values).with_shape(&shape);
    };
    for (name, field) in names(series).iter().zip(series.values.axis_iter(Axis(2))) {
        dataset(name, &field.iter().copied().collect::<Vec<_>>(), field.shape());
    }
    dataset("t-coordinate", &series.times, &[series.times.len()]);
    for (name, x) in AXES.iter().zip(&series.coordinates) {
        dataset(name, x, &[x.len()]);
    }
    let bytes = builder.finish().map_err(|e| fail(e.to_string()))?;
    write_atomically(path, &bytes).map_err(|e| fail(e.to_string()))
}

/// What PDEBench calls the channels of a series.
fn names(series: &Series) -> Vec<String> {
    let n = series.values.shape()[2];
    if n == 1 {
        return vec!["tensor".into()];
    }
    let velocity = velocity(&series.channels);
    let name = |i: usize| match (&velocity, series.channels.get(i).map(String::as_str)) {
        (Some(v), _) if v.contains(&i) => FIELDS[2 + i - v.start].to_owned(),
        (Some(_), Some("rho")) => FIELDS[0].to_owned(),
        (Some(_), Some("p")) => FIELDS[1].to_owned(),
        (_, Some(own)) => own.to_owned(),
        (_, None) => format!("field_{i}"),
    };
    (0..n).map(name).collect()
}

/// Opens a file with one channel.
pub(super) fn open_tensor(tree: &Tree) -> Result<Trajectories, FormatError> {
    let shape = tree.shape("tensor")?;
    if !(3..=5).contains(&shape.len()) {
        return Err(tree.misfit("tensor", shape, "[trajectory, time, x] or [trajectory, time, x, y]"));
    }
    open(tree, vec!["tensor".into()], Vec::new(), &shape)
}

/// Opens a file with one array a field.
pub(super) fn open_fields(tree: &Tree) -> Result<Trajectories, FormatError> {
    let mut found = Vec::new();
    for name in tree.datasets("")? {
        let shape = tree.shape(&name)?;
        if shape.len() > 2 {
            found.push((name, shape));
        }
    }
    found.sort_by_key(|(name, _)| (order(name), name.clone()));
    let Some((first, shape)) = found.first().cloned() else { return Err(missing(tree, "tensor")) };
    if let Some((other, other_shape)) = found.iter().find(|(_, s)| *s != shape) {
        return Err(FormatError::Ragged {
            path: tree.path.clone(),
            first,
            first_shape: shape,
            second: other.clone(),
            second_shape: other_shape.clone(),
        });
    }
    let names: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
    open(tree, names.clone(), names, &shape)
}

fn open(
    tree: &Tree,
    arrays: Vec<String>,
    channels: Vec<String>,
    shape: &[usize],
) -> Result<Trajectories, FormatError> {
    let entry = |name: &'static str| tree.numbers(name)?.ok_or_else(|| missing(tree, name));
    let coordinates = AXES.iter().zip(&shape[2..]).map(|(name, n)| {
        let (found, x) = entry(name)?;
        let fits = x.len() == *n;
        fits.then_some(x).ok_or_else(|| tree.misfit(name, found, "one entry for every point of the fields"))
    });
    let coordinates = coordinates.collect::<Result<Vec<_>, _>>()?;
    let (found, times) = entry("t-coordinate")?;
    let times = shortened(times, shape[1])
        .ok_or_else(|| tree.misfit("t-coordinate", found, "one entry for every sample, or one more"))?;
    let slots = (0..arrays.len()).map(|i| (i, 0)).collect();
    let arrays = arrays.iter().map(|name| tree.array(name, [true; 2], 0)).collect::<Result<_, _>>()?;
    let piece = Piece { path: tree.path.clone(), trajectories: shape[0], arrays };
    let all = Trajectories::new(&tree.path, (shape[1], &shape[2..]), vec![piece], slots, channels)?;
    Ok(all.placed(times, coordinates))
}

/// As many times as there are samples; none unless there are as many or one more.
fn shortened(mut times: Vec<f64>, samples: usize) -> Option<Vec<f64>> {
    let fits = times.len() == samples || times.len() == samples + 1;
    times.truncate(samples);
    fits.then_some(times)
}

fn missing(tree: &Tree, entry: &'static str) -> FormatError {
    FormatError::Missing {
        path: tree.path.clone(),
        entry: entry.to_owned(),
        found: tree.datasets("").unwrap_or_default(),
        wanted: WANTED,
    }
}

/// Whether all groups are numbers, and the first holds `data`.
pub(super) fn is_by_seed(tree: &Tree, groups: &[String]) -> bool {
    let numbered = groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_digit()));
    let first = groups.first().filter(|_| numbered);
    first.is_some_and(|g| tree.datasets(g).is_ok_and(|d| d.iter().any(|d| d == "data")))
}

/// Opens a file with one group a trajectory.
pub(super) fn open_seeds(tree: &Tree, groups: Vec<String>) -> Result<Trajectories, FormatError> {
    const DATA: &str = "[time, x, channel] or [time, x, y, channel]";
    let first = format!("{}/data", groups[0]);
    let shape = tree.shape(&first)?;
    if !(3..=5).contains(&shape.len()) {
        return Err(tree.misfit(&first, shape, DATA));
    }
    let (points, channels) = (&shape[1..shape.len() - 1], shape[shape.len() - 1]);
    let mut pieces = Vec::with_capacity(groups.len());
    for group in &groups {
        let name = format!("{group}/data");
        let found = tree.shape(&name)?;
        if found != shape {
            return Err(FormatError::Ragged {
                path: tree.path.clone(),
                first: first.clone(),
                first_shape: shape.clone(),
                second: name,
                second_shape: found,
            });
        }
        let arrays = vec![tree.array(&name, [false, true], 1)?];
        pieces.push(Piece { path: tree.path.clone(), trajectories: 1, arrays });
    }
    let slots = (0..channels).map(|c| (0, c)).collect();
    let mut all = Trajectories::new(&tree.path, (shape[0], points), pieces, slots, Vec::new())?;
    let grid = |axis: &str| tree.numbers(&format!("{}/grid/{axis}", groups[0]));
    if tree.groups(&groups[0])?.iter().any(|g| g == "grid") {
        for (axis, n) in ["x", "y", "z"].iter().zip(points) {
            all.coordinates.extend(grid(axis)?.map(|(_, x)| x).filter(|x| x.len() == *n));
        }
        if all.coordinates.len() < points.len() {
            all.coordinates.clear();
        }
        all.times = grid("t")?.and_then(|(_, t)| shortened(t, shape[0])).unwrap_or_default();
    }
    Ok(all)
}
