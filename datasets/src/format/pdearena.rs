//! The layout of PDEArena: HDF5 with a group `train`, `valid` or `test`, and in it one array `[trajectory, time, x, …]` a field (smoke: `u`, `vx`,
//! `vy`; the Kuramoto-Sivashinsky equation: `pde_TIMES-POINTS`), beside `t`, `x`, `y` (`[trajectory, …]` each), `dt`, `dx`, `dy` `[trajectory]`.
//!
//! A data set is one file or a folder of them. Scalars come first, then `vx` and `vy`. Samples are `dt` apart; `t` says something else in some
//! of the published files. Its velocities are those on the lower faces of the cells, half a cell away from the smoke; what is written lies in the
//! middle, as all of Flowmap's fields. Fields may also lie in groups of a part, with one component on a last axis.
//!
//! J. K. Gupta, J. Brandstetter, "Towards Multi-spatiotemporal-scale Generalized PDE Modeling", TMLR 2023.

use std::path::{Path, PathBuf};

use hdf5_pure::{FileBuilder, GroupBuilder};
use ndarray::{ArrayViewD, Axis};

use super::channels::{order, velocity};
use super::hdf5::Tree;
use super::trajectories::Piece;
use super::{FormatError, Opened, PARTS, Trajectories};
use crate::dataset::Dataset;
use crate::file::write_atomically;

/// The names of the axes, and of the distances of their points.
const AXES: [(&str, &str); 3] = [("x", "dx"), ("y", "dy"), ("z", "dz")];

/// The fields of a group, scalars first, and their shapes.
fn fields(tree: &Tree, group: &str) -> Result<Vec<(String, Vec<usize>)>, FormatError> {
    let mut found = Vec::new();
    for name in tree.datasets(group)? {
        let shape = tree.shape(&format!("{group}/{name}"))?;
        if shape.len() > 2 {
            found.push((name, shape));
        }
    }
    found.sort_by_key(|(name, _)| (order(name), name.clone()));
    if let Some((first, shape)) = found.first()
        && let Some((other, other_shape)) = found.iter().find(|(_, s)| s != shape)
    {
        return Err(FormatError::Ragged {
            path: tree.path.clone(),
            first: format!("{group}/{first}"),
            first_shape: shape.clone(),
            second: format!("{group}/{other}"),
            second_shape: other_shape.clone(),
        });
    }
    Ok(found)
}

/// What the groups of one part say of themselves.
struct Described {
    path: PathBuf,
    channels: Vec<String>,
    /// `[time, x, …]`.
    sample: Vec<usize>,
    start: f64,
    step: Option<f64>,
    coordinates: Vec<Vec<f64>>,
}

/// Opens the parts of one or several files; `path` names them all.
pub(super) fn open(path: &Path, trees: &[Tree]) -> Result<Opened, FormatError> {
    let mut opened = [None, None, None];
    for (part, to) in PARTS.iter().zip(&mut opened) {
        let (mut pieces, mut first): (Vec<Piece>, Option<Described>) = (Vec::new(), None);
        for tree in trees.iter().filter(|t| t.groups("").is_ok_and(|g| g.iter().any(|g| g == part))) {
            let mut groups = vec![(*part).to_owned()];
            if fields(tree, part)?.is_empty() {
                groups = tree.groups(part)?.into_iter().map(|g| format!("{part}/{g}")).collect();
            }
            for group in groups {
                piece(tree, &group, &mut pieces, &mut first)?;
            }
        }
        let Some(d) = first else { continue };
        let slots = (0..d.channels.len()).map(|c| (c, 0)).collect();
        let all = Trajectories::new(path, (d.sample[0], &d.sample[1..]), pieces, slots, d.channels)?;
        let times =
            d.step.map_or(Vec::new(), |dt| (0..d.sample[0]).map(|i| d.start + i as f64 * dt).collect());
        *to = Some(all.placed(times, d.coordinates));
    }
    if opened.iter().all(Option::is_none) {
        let found: Vec<_> = trees.iter().filter_map(|t| t.groups("").ok()).flatten().collect();
        return Err(FormatError::Missing {
            path: path.to_owned(),
            entry: "train".into(),
            found: if found.is_empty() { vec!["none".into()] } else { found },
            wanted: "groups 'train', 'valid' or 'test' with fields [trajectory, time, x, …]",
        });
    }
    Ok(Opened::Parts(Box::new(opened)))
}

/// Adds one group.
fn piece(
    tree: &Tree,
    group: &str,
    pieces: &mut Vec<Piece>,
    first: &mut Option<Described>,
) -> Result<(), FormatError> {
    let fields = fields(tree, group)?;
    let Some((name, shape)) = fields.first() else {
        let found = tree.datasets(group)?;
        return Err(FormatError::Missing {
            path: tree.path.clone(),
            entry: format!("{group}/u"),
            found: if found.is_empty() { vec!["none".into()] } else { found },
            wanted: "fields [trajectory, time, x, …]",
        });
    };
    let trailing = usize::from(shape.len() > 3 && shape.last() == Some(&1));
    let sample = shape[1..shape.len() - trailing].to_vec();
    let channels: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();
    let before: usize = pieces.iter().map(|p| p.trajectories).sum();
    let (start, step) = clock(tree, group, before, first.as_ref().and_then(|d| d.step))?;
    match first {
        None => {
            let coordinates = coordinates(tree, group, &sample[1..])?;
            *first = Some(Described { path: tree.path.clone(), channels, sample, start, step, coordinates });
        }
        Some(d) if d.channels != channels => {
            return Err(FormatError::Fields {
                path: tree.path.clone(),
                found: channels,
                wanted: d.channels.clone(),
                first: d.path.clone(),
            });
        }
        Some(d) if d.sample != sample => {
            return Err(FormatError::Ragged {
                path: tree.path.clone(),
                first: format!("{group}/{name}"),
                first_shape: sample,
                second: d.path.display().to_string(),
                second_shape: d.sample.clone(),
            });
        }
        Some(_) => {}
    }
    let arrays = fields.iter().map(|(name, _)| tree.array(&format!("{group}/{name}"), [true; 2], trailing));
    let arrays = arrays.collect::<Result<_, _>>()?;
    pieces.push(Piece { path: tree.path.clone(), trajectories: shape[0], arrays });
    Ok(())
}

/// The first time, and the time between two samples where it is told; it must be that of the other trajectories.
fn clock(
    tree: &Tree,
    group: &str,
    before: usize,
    others: Option<f64>,
) -> Result<(f64, Option<f64>), FormatError> {
    let times = tree.numbers(&format!("{group}/t"))?.map(|(_, t)| t).unwrap_or_default();
    let start = times.first().copied().unwrap_or(0.0);
    let Some((_, steps)) = tree.numbers(&format!("{group}/dt"))? else {
        return Ok((start, times.get(1).map(|t| t - start)));
    };
    let Some(first) = others.or(steps.first().copied()) else { return Ok((start, None)) };
    match steps.iter().position(|dt| ((dt - first) / first).abs() > 1e-3) {
        None => Ok((start, Some(first))),
        Some(i) => Err(FormatError::Uneven {
            path: tree.path.clone(),
            first,
            other: steps[i],
            trajectory: before + i + 1,
        }),
    }
}

/// The points of the axes of the first trajectory; none unless all are told.
fn coordinates(tree: &Tree, group: &str, points: &[usize]) -> Result<Vec<Vec<f64>>, FormatError> {
    let mut all = Vec::new();
    for ((name, _), n) in AXES.iter().zip(points) {
        let name = format!("{group}/{name}");
        let Some((shape, mut x)) = tree.numbers(&name)? else { return Ok(Vec::new()) };
        if shape.last() != Some(n) {
            return Err(tree.misfit(&name, shape, "one entry for every point of the fields"));
        }
        x.truncate(*n);
        all.push(x);
    }
    Ok(all)
}

/// What PDEArena calls the channels of a data set.
fn names(data: &Dataset) -> Vec<String> {
    let shape = data.values.shape();
    let velocity = velocity(&data.channels);
    let name = |(i, own): (usize, &String)| match &velocity {
        Some(v) if v.contains(&i) => ["vx", "vy", "vz"][i - v.start].to_owned(),
        Some(_) if own == "s" => "u".to_owned(),
        // As its files of the Kuramoto-Sivashinsky equation do.
        None if shape.len() == 4 && shape[2] == 1 => format!("pde_{}-{}", shape[1], shape[3]),
        _ => own.clone(),
    };
    data.channels.iter().enumerate().map(name).collect()
}

/// Writes `NAME_train.h5`, `NAME_valid.h5` and `NAME_test.h5` beside `path`, `NAME.h5`, one part each, as far as it has trajectories. Gives
/// their paths.
///
/// # Errors
/// If the data are no fields, or a file cannot be written.
pub fn write(path: &Path, data: &Dataset) -> Result<Vec<PathBuf>, FormatError> {
    let fail = |path: &Path, message: String| FormatError::Write { path: path.to_owned(), message };
    if data.values.ndim() < 4 {
        return Err(fail(path, "series have no axes, which this layout needs: end the name in .npz".into()));
    }
    let Some(name) = path.file_stem().and_then(|n| n.to_str()) else {
        return Err(fail(path, "it has no name".into()));
    };
    let mut written = Vec::new();
    for (part, of) in PARTS.iter().zip([&data.split.train, &data.split.validation, &data.split.test]) {
        if of.trajectories.is_empty() {
            continue;
        }
        let path = path.with_file_name(format!("{name}_{part}.h5"));
        let mut builder = FileBuilder::new();
        let mut group = builder.create_group(part);
        fill(&mut group, data, data.part(of));
        builder.add_group(group.finish());
        let bytes = builder.finish().map_err(|e| fail(&path, e.to_string()))?;
        write_atomically(&path, &bytes).map_err(|e| fail(&path, e.to_string()))?;
        written.push(path);
    }
    Ok(written)
}

/// The arrays of one part.
fn fill(group: &mut GroupBuilder, data: &Dataset, values: ArrayViewD<'_, f64>) {
    let (n, times) = (values.shape()[0], values.shape()[1]);
    let mut dataset = |name: &str, values: &[f64], shape: &[usize]| {
        let shape: Vec<u64> = shape.iter().map(|n| *n as u64).collect();
        group.create_dataset(name).with_f64_data(values).with_shape(&shape);
    };
    for (name, field) in names(data).iter().zip(values.axis_iter(Axis(2))) {
        dataset(name, &field.iter().copied().collect::<Vec<_>>(), field.shape());
    }
    let spacing = |x: &[f64]| x.get(1).zip(x.first()).map_or(0.0, |(b, a)| b - a);
    dataset("t", &data.times[..times].repeat(n), &[n, times]);
    dataset("dt", &vec![spacing(&data.times); n], &[n]);
    for ((axis, step), x) in AXES.iter().zip(&data.coordinates) {
        dataset(axis, &x.repeat(n), &[n, x.len()]);
        dataset(step, &vec![spacing(x); n], &[n]);
    }
    if let Some(buoyancy) = data.card.problem.pointer("/smoke/buoyancy").and_then(serde_json::Value::as_f64) {
        dataset("buo_y", &vec![buoyancy; n], &[n]);
    }
}
