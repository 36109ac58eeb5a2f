//! The layout of The Well: HDF5 with scalars in `t0_fields`, vectors in `t1_fields`, tensors in `t2_fields`, `[trajectory, time, x, …, component]` in
//! single precision, axes left out along which a field does not vary; points and times in `dimensions`.
//!
//! A data set is one file, or a folder with `data/train/*.hdf5`, `data/valid/*.hdf5` and `data/test/*.hdf5`, and perhaps `stats.yaml`: means and
//! deviations of every field, which must be those of its own files.
//!
//! R. Ohana et al., "The Well: a Large-Scale Collection of Diverse Physics Simulations for Machine Learning", NeurIPS 2024.

mod statistics;
mod write;

pub use statistics::Statistics;
pub(super) use statistics::with_statistics;
pub use write::write;

use std::path::Path;

use hdf5_pure::AttrValue;

use super::hdf5::Tree;
use super::trajectories::Piece;
use super::{FormatError, Trajectories};

/// The groups of fields, by the rank of their tensors.
pub(super) const GROUPS: [&str; 3] = ["t0_fields", "t1_fields", "t2_fields"];

const AXES: [&str; 3] = ["x", "y", "z"];

/// A field as a file describes it.
#[derive(Clone, Debug, PartialEq)]
struct Field {
    name: String,
    rank: usize,
    /// Components, of all its axes together.
    components: usize,
}

/// Opens files with the same fields as one.
pub(super) fn open(path: &Path, trees: Vec<Tree>) -> Result<Trajectories, FormatError> {
    let Some(first) = trees.first() else { return Err(FormatError::Empty { path: path.to_owned() }) };
    let (first_times, first_coordinates) = dimensions(first)?;
    let sample = extent(&first_times, &first_coordinates);
    let (wanted, piece) = fields(first, &sample)?;
    let mut pieces = vec![piece];
    for tree in &trees[1..] {
        let (times, coordinates) = dimensions(tree)?;
        let found = extent(&times, &coordinates);
        if found != sample {
            return Err(FormatError::Ragged {
                path: tree.path.clone(),
                first: "times and axes".into(),
                first_shape: found,
                second: format!("those of {}", first.path.display()),
                second_shape: sample,
            });
        }
        apart(tree, first, [&times[..], &first_times[..]], "samples every")?;
        for (own, wanted) in coordinates.iter().zip(&first_coordinates) {
            apart(tree, first, [own, wanted], "points every")?;
        }
        let (fields, piece) = fields(tree, &sample)?;
        if fields != wanted {
            let names = |fields: &[Field]| fields.iter().map(|f| f.name.clone()).collect();
            return Err(FormatError::Fields {
                path: tree.path.clone(),
                found: names(&fields),
                wanted: names(&wanted),
                first: first.path.clone(),
            });
        }
        pieces.push(piece);
    }
    let slots = wanted.iter().enumerate().flat_map(|(i, f)| (0..f.components).map(move |c| (i, c)));
    let channels = wanted.iter().flat_map(|f| f.channels(first_coordinates.len())).collect();
    let all = Trajectories::new(path, (sample[0], &sample[1..]), pieces, slots.collect(), channels)?;
    Ok(all.placed(first_times, first_coordinates))
}

/// Whether the spacings of two axes agree.
fn apart(tree: &Tree, first: &Tree, axes: [&[f64]; 2], what: &str) -> Result<(), FormatError> {
    let [found, wanted] = axes.map(|x| x.get(1).zip(x.first()).map_or(0.0, |(b, a)| b - a));
    if (found - wanted).abs() <= 1e-3 * wanted.abs() {
        return Ok(());
    }
    let (path, first) = (tree.path.clone(), first.path.clone());
    Err(FormatError::Apart { path, axis: what.to_owned(), found, wanted, first })
}

/// `[time, x, …]`.
fn extent(times: &[f64], coordinates: &[Vec<f64>]) -> Vec<usize> {
    std::iter::once(times.len()).chain(coordinates.iter().map(Vec::len)).collect()
}

impl Field {
    /// The names of its channels: `velocity_x`, `velocity_y`.
    fn channels(&self, axes: usize) -> Vec<String> {
        let place = |mut c: usize| {
            let mut name = String::new();
            for _ in 0..self.rank {
                name.insert_str(0, AXES[(c % axes).min(2)]);
                c /= axes;
            }
            name
        };
        match self.rank {
            0 => vec![self.name.clone()],
            _ => (0..self.components).map(|c| format!("{}_{}", self.name, place(c))).collect(),
        }
    }
}

/// The times and the points of every axis.
fn dimensions(tree: &Tree) -> Result<(Vec<f64>, Vec<Vec<f64>>), FormatError> {
    let missing = |entry: &str| FormatError::Missing {
        path: tree.path.clone(),
        entry: format!("dimensions/{entry}"),
        found: tree.datasets("dimensions").unwrap_or_default(),
        wanted: "'dimensions' with 'time' and the points of the axes that its attribute 'spatial_dims' names",
    };
    if !tree.groups("")?.iter().any(|g| g == "dimensions") {
        return Err(missing("time"));
    }
    let numbers = |name: &str| {
        let found = tree.numbers(&format!("dimensions/{name}"))?;
        let (shape, mut values) = found.ok_or_else(|| missing(name))?;
        // Those of the first trajectory, where each has its own.
        values.truncate(shape.last().copied().unwrap_or(1));
        Ok(values)
    };
    let attributes = tree.attributes("dimensions")?;
    let named = attributes.get("spatial_dims").and_then(AttrValue::as_strings).map(<[_]>::to_vec);
    let axes = match named {
        Some(axes) => axes,
        None => {
            let there = tree.datasets("dimensions")?;
            AXES.iter().filter(|a| there.iter().any(|d| d == *a)).map(|a| (*a).to_owned()).collect()
        }
    };
    let coordinates: Vec<Vec<f64>> = axes.iter().map(|a| numbers(a)).collect::<Result<_, _>>()?;
    if coordinates.is_empty() {
        return Err(missing("x"));
    }
    Ok((numbers("time")?, coordinates))
}

/// The fields of a file whose samples have the shape `[time, x, …]`, scalars first.
fn fields(tree: &Tree, sample: &[usize]) -> Result<(Vec<Field>, Piece), FormatError> {
    let (axes, groups) = (sample.len() - 1, tree.groups("")?);
    let (mut fields, mut arrays, mut trajectories) = (Vec::new(), Vec::new(), None);
    for (rank, group) in GROUPS.iter().enumerate().filter(|(_, g)| groups.iter().any(|name| name == *g)) {
        let attributes = tree.attributes(group)?;
        let named = attributes.get("field_names").and_then(AttrValue::as_strings).map(<[_]>::to_vec);
        let mut names = tree.datasets(group)?;
        // In the order that the file tells.
        if let Some(order) = named {
            names.sort_by_key(|n| order.iter().position(|o| o == n).unwrap_or(order.len()));
        }
        for name in names {
            let path = format!("{group}/{name}");
            let shape = tree.shape(&path)?;
            let (varies, dims) = variation(tree, &path, axes)?;
            let wide = dims.iter().filter(|d| **d).count();
            let before = varies.iter().filter(|v| **v).count();
            // The components of a tensor lie on one axis or two.
            let Some(trailing) = shape.len().checked_sub(before + wide).filter(|t| *t <= rank) else {
                return Err(tree.misfit(&path, shape, "the axes that its attributes say it varies along"));
            };
            let mut array = tree.array(&path, varies, trailing)?;
            let mut points = array.points.iter().copied();
            array.points = dims.iter().map(|d| if *d { points.next().unwrap_or(1) } else { 1 }).collect();
            let fits = |(i, n): (usize, &usize)| !dims[i] || *n == sample[1 + i];
            let whole =
                array.components == axes.pow(rank as u32) && array.points.iter().enumerate().all(fits);
            if !whole || (varies[1] && array.times != sample[0]) {
                return Err(FormatError::Ragged {
                    path: tree.path.clone(),
                    first: path,
                    first_shape: shape,
                    second: "times and axes of 'dimensions'".into(),
                    second_shape: sample.to_vec(),
                });
            }
            if varies[0] {
                match trajectories {
                    Some(n) if n != shape[0] => {
                        return Err(FormatError::Ragged {
                            path: tree.path.clone(),
                            first: path,
                            first_shape: shape,
                            second: "trajectories of the other fields".into(),
                            second_shape: vec![n],
                        });
                    }
                    _ => trajectories = Some(shape[0]),
                }
            }
            fields.push(Field { name, rank, components: array.components });
            arrays.push(array);
        }
    }
    let Some(trajectories) = trajectories else {
        return Err(FormatError::Missing {
            path: tree.path.clone(),
            entry: "t0_fields/…".into(),
            found: if groups.is_empty() { vec!["none".into()] } else { groups },
            wanted: "at least one field that differs from trajectory to trajectory",
        });
    };
    Ok((fields, Piece { path: tree.path.clone(), trajectories, arrays }))
}

/// Along which axes a field varies: trajectories and times, and those of space; all where the file does not say.
fn variation(tree: &Tree, path: &str, axes: usize) -> Result<([bool; 2], Vec<bool>), FormatError> {
    let attributes = tree.dataset(path)?.attrs().map_err(|e| tree.damaged(format!("'{path}': {e}")))?;
    let flags = |key: &str| attributes.get(key).and_then(truths);
    let one = |key: &str| flags(key).and_then(|f| f.first().copied()).unwrap_or(true);
    let dims = flags("dim_varying").filter(|d| d.len() == axes).unwrap_or_else(|| vec![true; axes]);
    Ok(([one("sample_varying"), one("time_varying")], dims))
}

/// An attribute of truth values; they are integers, or an enumeration of `FALSE` and `TRUE`.
fn truths(value: &AttrValue) -> Option<Vec<bool>> {
    if let Some(names) = value.as_strings() {
        return Some(names.iter().map(|n| n.eq_ignore_ascii_case("true")).collect());
    }
    value.to_i64s().map(|v| v.iter().map(|v| *v != 0).collect())
}
