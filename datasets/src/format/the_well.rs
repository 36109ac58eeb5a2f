//! The layout of The Well: HDF5 with scalars in `t0_fields`, vectors in `t1_fields`, tensors in `t2_fields`, `[trajectory, time, x, …, component]` in
//! single precision, axes left out along which a field does not vary; points and times in `dimensions`.
//!
//! A data set is one file, or a folder with `data/train/*.hdf5`, `data/valid/*.hdf5` and `data/test/*.hdf5`, and perhaps `stats.yaml`: means and
//! deviations of every field, which must be those of its own files.
//!
//! R. Ohana et al., "The Well: a Large-Scale Collection of Diverse Physics Simulations for Machine Learning", NeurIPS 2024.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hdf5_pure::{AttrValue, EnumTypeBuilder, FileBuilder, GroupBuilder, make_i8_type};
use ndarray::{ArrayViewD, Axis, concatenate};

use super::channels::velocity;
use super::hdf5::Tree;
use super::trajectories::Piece;
use super::{FormatError, PARTS, Trajectories};
use crate::dataset::{Dataset, Normalisation, Part};
use crate::file::write_atomically;
use crate::problem::cells::Boundary;

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

/// Means and deviations that come with a data set, channel by channel.
#[derive(Debug)]
pub struct Statistics {
    /// The file that holds them.
    pub path: PathBuf,
    /// Of every channel; a deviation of zero is that of a channel that does not vary.
    pub of: Normalisation,
}

/// Opens files with the same fields as one.
pub(super) fn open(path: &Path, trees: Vec<Tree>) -> Result<Trajectories, FormatError> {
    let Some(first) = trees.first() else { return Err(FormatError::Empty { path: path.to_owned() }) };
    let (times, coordinates) = dimensions(first)?;
    let sample = extent(&times, &coordinates);
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
    let channels = wanted.iter().flat_map(|f| f.channels(coordinates.len())).collect();
    let all = Trajectories::new(path, (sample[0], &sample[1..]), pieces, slots.collect(), channels)?;
    Ok(all.placed(times, coordinates))
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

/// Gives the parts of a folder the means and deviations of its `stats.yaml`, if it has one.
///
/// # Errors
/// If it cannot be read, or is about other fields.
pub(super) fn with_statistics(
    folder: &Path,
    parts: &mut [Option<Trajectories>; 3],
) -> Result<(), FormatError> {
    let path = folder.join("stats.yaml");
    let path = if path.is_file() { path } else { folder.join("../stats.yaml") };
    if !path.is_file() {
        return Ok(());
    }
    let text =
        std::fs::read_to_string(&path).map_err(|source| FormatError::Open { path: path.clone(), source })?;
    let entries = entries(&text);
    let (mean, std) = (values(&entries, "mean"), values(&entries, "std"));
    for part in parts.iter_mut().flatten() {
        let find = |of: &[(String, f64)], measure: &str| {
            let value = |name: &String| match of.iter().find(|(n, _)| n == name) {
                Some((_, value)) => Ok(*value),
                None => {
                    let there: Vec<_> = of.iter().map(|(n, _)| n.as_str()).collect();
                    let message = format!("no {measure} of '{name}'; there are {}", there.join(", "));
                    Err(FormatError::Statistics { path: path.clone(), message })
                }
            };
            part.channels.iter().map(value).collect::<Result<Vec<f64>, _>>()
        };
        let of = Normalisation { mean: find(&mean, "mean")?, std: find(&std, "std")? };
        part.statistics = Some(Statistics { path: path.clone(), of });
    }
    Ok(())
}

/// Of a text such as `mean:`, below it `  velocity:` and `  - 0.5`: every number with the keys above it and its place in their list.
fn entries(text: &str) -> Vec<(String, String, usize, f64)> {
    let (mut measure, mut field, mut found) = (String::new(), String::new(), Vec::new());
    let mut place = 0;
    for line in text.lines().filter(|l| !l.trim().is_empty() && !l.trim_start().starts_with('#')) {
        let mut rest = line.trim();
        if let Some((key, after)) = rest.split_once(':') {
            let key = key.trim_matches(['"', '\'']).to_owned();
            if line.starts_with(' ') {
                field = key
            } else {
                measure = key
            }
            (place, rest) = (0, after);
        }
        // A list of its own lines, in brackets, or one number; a list in a list is one.
        let numbers = rest.split([',', '[', ']', ' ']).filter_map(|n| n.parse::<f64>().ok());
        for value in numbers {
            found.push((measure.clone(), field.clone(), place, value));
            place += 1;
        }
    }
    found
}

/// The channels of one measure by the names that [`Field::channels`] gives them.
fn values(entries: &[(String, String, usize, f64)], measure: &str) -> Vec<(String, f64)> {
    let of: Vec<_> = entries.iter().filter(|(m, ..)| m == measure).collect();
    let name = |(_, field, place, _): &(String, String, usize, f64)| {
        let components = of.iter().filter(|(_, f, ..)| f == field).count();
        // Two or three of a vector, four or nine of a tensor.
        let (rank, axes) = match components {
            1 => (0, 1),
            2 | 3 => (1, components),
            n => (2, n.isqrt()),
        };
        Field { name: field.clone(), rank, components }.channels(axes).swap_remove(*place)
    };
    of.iter().map(|e| (name(e), e.3)).collect()
}

/// A data set as The Well sees it.
struct Layout<'a> {
    data: &'a Dataset,
    name: &'a str,
    boundaries: &'a [Boundary],
    /// Of every field: its name, and its channels.
    fields: Vec<(String, Vec<usize>)>,
}

/// Writes `data/train/NAME.hdf5`, `data/valid/NAME.hdf5`, `data/test/NAME.hdf5`, as far as there are trajectories, and `stats.yaml`, into a folder;
/// values become single numbers. Gives the paths.
///
/// # Errors
/// If the data are no fields, or a file cannot be written.
pub fn write(
    folder: &Path,
    name: &str,
    boundaries: &[Boundary],
    data: &Dataset,
) -> Result<Vec<PathBuf>, FormatError> {
    let fail = |path: &Path, message: String| FormatError::Write { path: path.to_owned(), message };
    if data.values.ndim() < 4 {
        return Err(fail(folder, "series have no axes, which this layout needs".into()));
    }
    let layout = Layout { data, name, boundaries, fields: named(data) };
    let mut written = Vec::new();
    for (part, of) in PARTS.iter().zip([&data.split.train, &data.split.validation, &data.split.test]) {
        if of.trajectories.is_empty() {
            continue;
        }
        let within = folder.join("data").join(part);
        let path = within.join(format!("{name}.hdf5"));
        std::fs::create_dir_all(&within).map_err(|e| fail(&path, e.to_string()))?;
        let bytes = layout.file(of).map_err(|e| fail(&path, e.to_string()))?;
        write_atomically(&path, &bytes).map_err(|e| fail(&path, e.to_string()))?;
        written.push(path);
    }
    if !data.split.train.trajectories.is_empty() {
        let path = folder.join("stats.yaml");
        write_atomically(&path, layout.statistics().as_bytes()).map_err(|e| fail(&path, e.to_string()))?;
        written.push(path);
    }
    Ok(written)
}

/// The fields of a data set by The Well's names: a velocity is one.
fn named(data: &Dataset) -> Vec<(String, Vec<usize>)> {
    let velocity = velocity(&data.channels);
    let mut fields = Vec::new();
    for (i, own) in data.channels.iter().enumerate() {
        match &velocity {
            Some(v) if v.start == i => fields.push(("velocity".to_owned(), v.clone().collect())),
            Some(v) if v.contains(&i) => {}
            Some(_) => {
                let name = match own.as_str() {
                    "rho" => "density",
                    "p" => "pressure",
                    "s" => "tracer",
                    other => other,
                };
                fields.push((name.to_owned(), vec![i]));
            }
            None => fields.push((own.clone(), vec![i])),
        }
    }
    fields
}

impl Layout<'_> {
    fn file(&self, part: &Part) -> Result<Vec<u8>, hdf5_pure::Error> {
        let values = self.data.part(part);
        let axes = &AXES[..values.ndim() - 3];
        let mut builder = FileBuilder::new();
        let parameters = self.parameters();
        builder.set_attr("simulation_parameters", strings(parameters.iter().map(|(n, _)| n.as_str())));
        for (name, value) in &parameters {
            builder.set_attr(name, AttrValue::F64(*value));
        }
        builder.set_attr("dataset_name", AttrValue::VarLenString(self.name.to_owned()));
        builder.set_attr("grid_type", AttrValue::VarLenString("cartesian".into()));
        builder.set_attr("n_spatial_dims", AttrValue::I64(axes.len() as i64));
        builder.set_attr("n_trajectories", AttrValue::I64(values.shape()[0] as i64));

        let mut group = builder.create_group("dimensions");
        group.set_attr("spatial_dims", strings(axes.iter().copied()));
        let times = &self.data.times[..values.shape()[1]];
        let points = axes.iter().copied().zip(self.data.coordinates.iter().map(Vec::as_slice));
        for (name, x) in std::iter::once(("time", times)).chain(points) {
            constant(&mut group, name, x);
        }
        builder.add_group(group.finish());

        let mut group = builder.create_group("scalars");
        group.set_attr("field_names", strings(parameters.iter().map(|(n, _)| n.as_str())));
        for (name, value) in &parameters {
            constant(&mut group, name, &[*value]);
        }
        builder.add_group(group.finish());

        let group = builder.create_group("boundary_conditions");
        builder.add_group(self.conditions(axes, group)?.finish());
        for (rank, name) in GROUPS.iter().enumerate() {
            let of_rank = |f: &&(String, Vec<usize>)| usize::from(f.1.len() > 1) == rank;
            let mut group = builder.create_group(name);
            group.set_attr("field_names", strings(self.fields.iter().filter(of_rank).map(|f| f.0.as_str())));
            for (name, channels) in self.fields.iter().filter(of_rank) {
                self.field(&mut group, name, channels, &values);
            }
            builder.add_group(group.finish());
        }
        builder.finish()
    }

    fn field(&self, group: &mut GroupBuilder, name: &str, channels: &[usize], values: &ArrayViewD<'_, f64>) {
        let last = Axis(values.ndim() - 1);
        let parts: Vec<_> =
            channels.iter().map(|c| values.index_axis(Axis(2), *c).insert_axis(last)).collect();
        let Ok(all) = concatenate(last, &parts) else { return };
        let mut shape: Vec<u64> = all.shape().iter().map(|n| *n as u64).collect();
        if channels.len() == 1 {
            shape.pop();
        }
        let single: Vec<f32> = all.iter().map(|v| *v as f32).collect();
        let dims = vec![1; values.ndim() - 3];
        group
            .create_dataset(name)
            .with_f32_data(&single)
            .with_shape(&shape)
            .set_attr("dim_varying", AttrValue::U8Array(dims))
            .set_attr("sample_varying", AttrValue::U8(1))
            .set_attr("time_varying", AttrValue::U8(1));
    }

    /// A group an axis.
    fn conditions(&self, axes: &[&str], mut all: GroupBuilder) -> Result<GroupBuilder, hdf5_pure::Error> {
        // How h5py marks truth values.
        let truth = EnumTypeBuilder::with_base(make_i8_type()).value("FALSE", 0).value("TRUE", 1).build()?;
        for ((axis, x), boundary) in axes.iter().zip(&self.data.coordinates).zip(self.boundaries) {
            let kind = match boundary {
                Boundary::Periodic => "periodic",
                Boundary::Wall => "wall",
            };
            let mut group = all.create_group(&format!("{axis}_{kind}"));
            group.set_attr("associated_dims", strings([*axis]));
            group.set_attr("associated_fields", strings([]));
            group.set_attr("bc_type", AttrValue::VarLenString(kind.to_uppercase()));
            group.set_attr("sample_varying", AttrValue::U8(0));
            group.set_attr("time_varying", AttrValue::U8(0));
            let ends = (0..x.len()).map(|i| u8::from(i == 0 || i + 1 == x.len())).collect::<Vec<_>>();
            group.create_dataset("mask").with_enum_u8_data(truth.clone(), &ends);
            all.add_group(group.finish());
        }
        Ok(all)
    }

    /// The numbers in the problem's configuration.
    fn parameters(&self) -> Vec<(String, f64)> {
        let problem = self.data.card.problem.as_object().and_then(|p| p.values().next());
        let table = problem.and_then(|p| p.as_object());
        let numbers = table.into_iter().flatten().filter_map(|(k, v)| v.as_f64().map(|v| (k.clone(), v)));
        numbers.filter(|(name, _)| name != "points").collect()
    }

    /// Means, deviations and root mean squares of the fields that train, and those of their differences in time.
    fn statistics(&self) -> String {
        let values = self.data.part(&self.data.split.train);
        let later = values.slice_axis(Axis(1), (1..).into());
        let differences = &later - &values.slice_axis(Axis(1), (..-1).into());
        let mut text = String::new();
        for (suffix, of) in
            [("", Normalisation::fit(values.view())), ("_delta", Normalisation::fit(differences.view()))]
        {
            let rms = of.mean.iter().zip(&of.std).map(|(m, s)| m.hypot(*s)).collect();
            for (measure, values) in [("mean", &of.mean), ("std", &of.std), ("rms", &rms)] {
                let _ = writeln!(text, "{measure}{suffix}:");
                for (name, channels) in &self.fields {
                    if let [only] = channels[..] {
                        let _ = writeln!(text, "  {name}: {:?}", values[only]);
                    } else {
                        let _ = writeln!(text, "  {name}:");
                        for c in channels {
                            let _ = writeln!(text, "  - {:?}", values[*c]);
                        }
                    }
                }
            }
        }
        text
    }
}

/// Numbers that are the same for all trajectories and times.
fn constant(group: &mut GroupBuilder, name: &str, values: &[f64]) {
    let single: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    group
        .create_dataset(name)
        .with_f32_data(&single)
        .set_attr("sample_varying", AttrValue::U8(0))
        .set_attr("time_varying", AttrValue::U8(0));
}

fn strings<'a>(all: impl IntoIterator<Item = &'a str>) -> AttrValue {
    AttrValue::VarLenStringArray(all.into_iter().map(str::to_owned).collect())
}
