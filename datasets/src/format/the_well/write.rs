//! Data sets as The Well lays them out.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hdf5_pure::{AttrValue, EnumTypeBuilder, FileBuilder, GroupBuilder, make_i8_type};
use ndarray::{ArrayViewD, Axis, concatenate};

use super::{AXES, GROUPS};
use crate::dataset::{Dataset, Normalisation, Part};
use crate::file::write_atomically;
use crate::format::channels::velocity;
use crate::format::{FormatError, PARTS};
use crate::problem::cells::Boundary;

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
