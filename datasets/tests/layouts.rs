//! The layouts of other workbenches: files by h5py are read, own files come back, windows are those of the whole file.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use flowmap_datasets::card::DataCard;
use flowmap_datasets::data::{DataConfig, FileConfig};
use flowmap_datasets::dataset::{Dataset, Split};
use flowmap_datasets::format::{
    CACHE, FormatError, Opened, Series, Trajectories, channels, open, pdearena, pdebench, read, the_well,
};
use flowmap_datasets::generate::{DataError, Recipe};
use flowmap_datasets::problem::ProblemConfig;
use flowmap_datasets::problem::cells::{self, Boundary};
use flowmap_solvers::config::{FixedConfig, SolverConfig};
use ndarray::{Array, ArrayD, Axis};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// What the fixtures hold at trajectory `n`, time `t`, channel `c` and point `(x, y)`.
fn value([n, t, c, x, y]: [usize; 5]) -> f64 {
    ((((n * 4 + t) * 8 + c) * 8 + x) * 8 + y) as f64
}

fn is_grid(values: &ArrayD<f64>, channels: usize) {
    for (at, v) in values.indexed_iter().filter(|(at, _)| at[2] < channels) {
        let y = if values.ndim() > 4 { at[4] } else { 0 };
        assert_eq!(*v, value([at[0], at[1], at[2], at[3], y]), "{at:?}");
    }
}

fn whole(path: &Path) -> Trajectories {
    match open(path).unwrap() {
        Opened::Whole(all) => *all,
        Opened::Parts(_) => panic!("{}: in parts", path.display()),
    }
}

fn parts(path: &Path) -> [Option<Trajectories>; 3] {
    match open(path).unwrap() {
        Opened::Parts(parts) => *parts,
        Opened::Whole(_) => panic!("{}: in one", path.display()),
    }
}

#[test]
fn smoke_of_pdearena_is_read() {
    let [train, valid, test] = parts(&fixture("pdearena_smoke.h5")).map(Option::unwrap);
    assert_eq!(train.shape, [2, 3, 3, 4, 6]);
    assert_eq!((valid.shape[0], test.shape[0]), (1, 1));
    assert_eq!(train.channels, ["u", "vx", "vy"]);
    assert_eq!(channels::own(&train.channels), ["s", "u", "v"]);
    // Samples are `dt` apart, whatever `t` says.
    assert_eq!(train.times, [18.0, 24.0, 30.0]);
    assert_eq!(train.coordinates[0], [0.0, 32.0 / 3.0, 64.0 / 3.0, 32.0]);
    is_grid(&train.whole().unwrap().values, 3);
    assert_eq!(read(&fixture("pdearena_smoke.h5")).unwrap().values.shape(), [4, 3, 3, 4, 6]);
}

#[test]
fn packed_series_of_pdearena_are_read() {
    let [train, _, test] = parts(&fixture("pdearena_ks.h5"));
    assert!(train.is_none());
    let test = test.unwrap();
    assert_eq!((&test.shape[..], &test.channels[..]), (&[2, 4, 1, 8][..], &["pde_4-8".to_owned()][..]));
    assert!((test.times[3] - 0.6).abs() < 1e-12);
    let values = test.whole().unwrap().values;
    assert!(values.indexed_iter().all(|(at, v)| *v == value([at[0], at[1], 0, at[3], 0])));
}

#[test]
fn files_of_the_well_are_read() {
    let all = whole(&fixture("well.hdf5"));
    assert_eq!(all.shape, [2, 3, 4, 4, 6]);
    assert_eq!(all.channels, ["density", "height", "velocity_x", "velocity_y"]);
    assert_eq!(all.times, [0.0, 0.5, 1.0]);
    assert_eq!(all.coordinates[1].last(), Some(&2.0));
    let values = all.whole().unwrap().values;
    // What does not vary along an axis is the same along it.
    assert!(values.index_axis(Axis(2), 1).indexed_iter().all(|(at, v)| *v == 10.0 * at[2] as f64));
    let flow = whole(&fixture("well.hdf5")).select(&[0, 2, 3]);
    assert_eq!(channels::own(&flow.channels), ["rho", "u", "v"]);
    is_grid(&flow.whole().unwrap().values, 3);
}

#[test]
fn flows_and_seeds_of_pdebench_are_read() {
    let flow = whole(&fixture("pdebench_cfd.hdf5"));
    assert_eq!(channels::own(&flow.channels), ["rho", "p", "u", "v"]);
    assert_eq!((flow.shape[0], flow.times.len(), flow.coordinates[1].len()), (2, 3, 6));
    is_grid(&flow.whole().unwrap().values, 4);
    let seeds = whole(&fixture("pdebench_seeds.h5"));
    assert_eq!(seeds.shape, [2, 3, 2, 4, 6]);
    assert_eq!(
        (&seeds.times[..], &seeds.coordinates[0][..]),
        (&[0.0, 0.5, 1.0][..], &[0.0, 1.0, 2.0, 3.0][..])
    );
    is_grid(&seeds.whole().unwrap().values, 2);
}

/// Smooth data whose values are single numbers.
fn dataset(channels: &[&str], axes: usize) -> Dataset {
    let mut shape = vec![4, 3, channels.len()];
    shape.extend(&[6, 5][..axes]);
    let n: usize = shape.iter().product();
    let values = Array::from_iter((0..n).map(|i| f64::from((i as f32 * 0.37).sin())));
    Dataset {
        values: values.into_shape_with_order(shape).unwrap(),
        stored: None,
        times: vec![0.0, 0.5, 1.0],
        coordinates: [6, 5][..axes].iter().map(|n| (0..*n).map(|i| 0.25 * i as f64).collect()).collect(),
        channels: channels.iter().map(ToString::to_string).collect(),
        split: Split::new(2, 1, 1, 3),
        card: DataCard {
            problem: serde_json::json!({"smoke": {"points": 6, "buoyancy": 0.5}}),
            ..DataCard::default()
        },
    }
}

#[test]
fn what_is_written_for_others_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], usize); 4] =
        [(&["s", "u", "v"], 2), (&["rho", "p", "u", "v"], 2), (&["u"], 1), (&["u", "v"], 2)];
    for (i, (names, axes)) in cases.into_iter().enumerate() {
        let data = dataset(names, axes);
        let at = folder.path().join(i.to_string());
        std::fs::create_dir(&at).unwrap();
        let files = pdearena::write(&at.join("a.h5"), &data).unwrap();
        assert!(files.iter().map(|f| f.file_name().unwrap()).eq(["a_train.h5", "a_valid.h5", "a_test.h5"]));
        let walls = vec![Boundary::Wall; axes];
        let files = the_well::write(&at.join("well"), "a", &walls, &data).unwrap();
        assert_eq!(files.len(), 4);
        for path in [at.clone(), at.join("well"), at.join("well/data")] {
            let back = parts(&path).map(Option::unwrap);
            let of = [&data.split.train, &data.split.validation, &data.split.test];
            for (back, part) in back.into_iter().zip(of) {
                if names.len() > 1 {
                    assert_eq!(channels::own(&back.channels), names, "{}", path.display());
                }
                assert_eq!(back.times, data.times);
                assert_eq!(back.coordinates, data.coordinates);
                assert_eq!(back.statistics.is_some(), path != at);
                assert_eq!(back.whole().unwrap().values, data.part(part), "{}", path.display());
            }
        }
        let series = Series {
            values: data.values.clone(),
            times: data.times.clone(),
            coordinates: data.coordinates.clone(),
            channels: data.channels.clone(),
        };
        pdebench::write(&at.join("b.hdf5"), &series).unwrap();
        let back = read(&at.join("b.hdf5")).unwrap();
        assert_eq!(back.values, series.values);
        if names.len() > 1 {
            assert_eq!(channels::own(&back.channels), names);
        }
    }
}

#[test]
fn parts_in_groups_of_their_own_are_read_and_uneven_steps_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, steps: [f64; 2]| {
        let mut builder = hdf5_pure::FileBuilder::new();
        let mut part = builder.create_group("train");
        for (key, dt) in ["a", "b"].iter().zip(steps) {
            let mut group = part.create_group(key);
            for (c, field) in ["D", "P", "Vx", "Vy"].iter().enumerate() {
                let values: Vec<f64> = (0..24).map(|i| f64::from(i) + 100.0 * c as f64 + dt).collect();
                group.create_dataset(field).with_f64_data(&values).with_shape(&[1, 3, 4, 2, 1]);
            }
            group.create_dataset("dt").with_f64_data(&[dt]);
            part.add_group(group.finish());
        }
        builder.add_group(part.finish());
        std::fs::write(folder.path().join(name), builder.finish().unwrap()).unwrap();
        folder.path().join(name)
    };
    let [train, ..] = parts(&write("even.h5", [0.5, 0.5]));
    let train = train.unwrap();
    assert_eq!((&train.shape[..], &train.times[..]), (&[2, 3, 4, 4, 2][..], &[0.0, 0.5, 1.0][..]));
    assert_eq!(channels::own(&train.channels), ["rho", "p", "u", "v"]);
    assert_eq!(train.window(1, 2, 1).unwrap()[[0, 3, 1, 0]], 16.0 + 2.0 + 300.0 + 0.5);
    let message = open(&write("uneven.h5", [0.5, 0.25])).unwrap_err().to_string();
    assert!(message.contains("0.5 apart in the first trajectory and 0.25 in trajectory 2"), "{message}");
}

/// Copies of a file by h5py: contiguous, packed in chunks, one group a trajectory, and an array of NumPy.
fn files(folder: &Path) -> Vec<PathBuf> {
    let npy = folder.join("fields.npy");
    let values = whole(&fixture("pdebench_cfd.hdf5")).whole().unwrap().values;
    ndarray_npy::write_npy(&npy, &values.mapv(|v| v as f32)).unwrap();
    vec![fixture("pdebench_cfd.hdf5"), fixture("well.hdf5"), fixture("pdebench_seeds.h5"), npy]
}

#[test]
fn windows_are_those_of_the_whole_file_within_a_bounded_cache() {
    let folder = tempfile::tempdir().unwrap();
    for path in files(folder.path()) {
        let all = read(&path).unwrap().values;
        // From nothing to more than the file.
        for budget in [0, 100, 400, 1000, 1 << 20] {
            let file = whole(&path).with_cache(budget);
            for i in 0..60 {
                let (trajectory, start) = ((i * 7) % 2, (i * 5) % 3);
                let length = 1 + i % (3 - start);
                let window = file.window(trajectory, start, length).unwrap();
                let mut wanted = all.index_axis(Axis(0), trajectory);
                wanted.slice_axis_inplace(Axis(0), (start..start + length).into());
                assert_eq!(window, wanted, "{}", path.display());
            }
            let used = file.cache_use();
            assert!(used.peak <= budget && used.bytes <= used.peak, "{budget}: {used:?}");
            if budget == 1 << 20 {
                // Everything is read once.
                let again = file.cache_use().reads;
                file.window(0, 0, 3).unwrap();
                assert_eq!(file.cache_use().reads, again);
            }
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, arrays: &[(&str, &[u64])]| {
        let path = folder.path().join(name);
        let mut builder = hdf5_pure::FileBuilder::new();
        let mut groups: Vec<(String, hdf5_pure::GroupBuilder)> = Vec::new();
        for (entry, shape) in arrays {
            let values = vec![0.5; shape.iter().product::<u64>() as usize];
            match entry.split_once('/') {
                None => drop(builder.create_dataset(entry).with_f64_data(&values).with_shape(shape)),
                Some((group, entry)) => {
                    if groups.last().is_none_or(|(name, _)| name != group) {
                        groups.push((group.to_owned(), builder.create_group(group)));
                    }
                    let (_, group) = groups.last_mut().unwrap();
                    group.create_dataset(entry).with_f64_data(&values).with_shape(shape);
                }
            }
        }
        groups.into_iter().for_each(|(_, g)| builder.add_group(g.finish()));
        std::fs::write(&path, builder.finish().unwrap()).unwrap();
        path
    };
    let fails = |path: &Path| read(path).unwrap_err();
    let error = fails(&write("other.h5", &[("weights", &[3]), ("layer/bias", &[2])]));
    assert!(matches!(error, FormatError::Layout { .. }));
    let message = error.to_string();
    assert!(message.contains("groups layer and arrays weights") && message.contains("The Well"), "{message}");
    let error = fails(&write("ragged.h5", &[("train/u", &[1, 2, 4]), ("train/vx", &[1, 2, 5])]));
    assert!(matches!(error, FormatError::Ragged { .. }), "{error}");
    assert!(error.to_string().contains("\"train/u\" [1, 2, 4] and \"train/vx\" [1, 2, 5]"), "{error}");
    let time = [("t-coordinate", &[2_u64][..]), ("x-coordinate", &[4])];
    let flow = [&[("density", &[1_u64, 2, 4][..]), ("pressure", &[1, 2, 5])], &time[..]].concat();
    assert!(matches!(fails(&write("flow.h5", &flow)), FormatError::Ragged { .. }));
    let error = fails(&write("nothing.h5", &time));
    assert!(matches!(&error, FormatError::Missing { entry, .. } if entry == "tensor"), "{error}");
    let error = fails(&write("empty.h5", &[("train/dt", &[2])]));
    assert!(matches!(&error, FormatError::Missing { .. }), "{error}");
    let error = fails(&write("seeds.h5", &[("0000/data", &[2, 4, 1]), ("0001/data", &[3, 4, 1])]));
    assert!(matches!(&error, FormatError::Ragged { .. }), "{error}");
    let error = fails(&write("well.h5", &[("t0_fields/a", &[1, 2, 4])]));
    assert!(matches!(&error, FormatError::Missing { entry, .. } if entry == "dimensions/time"), "{error}");
    let within = folder.path().join("empty");
    std::fs::create_dir(&within).unwrap();
    assert!(matches!(fails(&within), FormatError::Layout { .. }));
}

#[test]
fn files_cut_off_are_damaged_and_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    for path in
        files(folder.path()).into_iter().chain([fixture("pdearena_smoke.h5"), fixture("pdearena_ks.h5")])
    {
        let bytes = std::fs::read(&path).unwrap();
        let cut = folder.path().join("cut");
        for part in 1..40 {
            std::fs::write(&cut, &bytes[..bytes.len() * part / 40]).unwrap();
            let result = read(&cut);
            assert!(
                matches!(
                    result,
                    Err(FormatError::Damaged { .. }
                        | FormatError::Missing { .. }
                        | FormatError::Foreign { .. }
                        | FormatError::Layout { .. })
                ),
                "{}: {part}/40: {result:?}",
                path.display()
            );
        }
    }
}

#[test]
fn numbers_that_are_not_finite_are_placed() {
    let mut data = dataset(&["s", "u", "v"], 2);
    data.values[[1, 2, 1, 3, 4]] = f64::NAN;
    let folder = tempfile::tempdir().unwrap();
    pdearena::write(&folder.path().join("a.h5"), &data).unwrap();
    let [train, ..] = parts(folder.path()).map(Option::unwrap);
    assert!(train.part(0..1, 0..3).is_ok() && train.part(0..2, 0..2).is_ok());
    let message = train.part(0..2, 1..3).unwrap_err().to_string();
    assert!(message.ends_with("NaN in trajectory 2, sample 3 (time 1), channel 'vx'"), "{message}");
}

#[test]
fn statistics_of_another_data_set_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    the_well::write(folder.path(), "a", &[Boundary::Periodic; 2], &dataset(&["s", "u", "v"], 2)).unwrap();
    let [train, ..] = parts(folder.path()).map(Option::unwrap);
    let of = &train.statistics.as_ref().unwrap().of;
    let fitted = flowmap_datasets::dataset::Normalisation::fit(train.part(0..2, 0..3).unwrap().view());
    assert!(
        of.mean
            .iter()
            .chain(&of.std)
            .zip(fitted.mean.iter().chain(&fitted.std))
            .all(|(a, b)| (a - b).abs() < 1e-6)
    );
    std::fs::write(folder.path().join("stats.yaml"), "mean:\n  density: 1.0\nstd:\n  density: 0.5\n")
        .unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(&error, FormatError::Statistics { .. }), "{error}");
    assert!(error.to_string().contains("no mean of 'tracer'; there are density"), "{error}");
}

fn smoke() -> ProblemConfig {
    ProblemConfig::Smoke(cells::Smoke { points: 8, ..Default::default() })
}

/// Smoke that no solver has made: two trajectories to train, one to validate, two to test.
fn made() -> Dataset {
    let shape = vec![5, 4, 3, 8, 8];
    let n: usize = shape.iter().product();
    Dataset {
        values: Array::from_iter((0..n).map(|i| f64::from((i as f32 * 0.37).sin())))
            .into_shape_with_order(shape)
            .unwrap(),
        stored: None,
        times: vec![0.0, 0.5, 1.0, 1.5],
        coordinates: smoke().build().unwrap().coordinates(),
        channels: ["s", "u", "v"].map(str::to_owned).to_vec(),
        split: Split::new(2, 1, 2, 4),
        card: DataCard::default(),
    }
}

fn asked(file: FileConfig) -> DataConfig {
    DataConfig {
        train: 2,
        validation: 1,
        test: 2,
        dt: 0.5,
        steps: 3,
        file: Some(file),
        ..DataConfig::default()
    }
}

fn at(path: &Path) -> FileConfig {
    FileConfig { path: path.to_owned(), ..FileConfig::default() }
}

fn obtain(data: &DataConfig, windows: bool) -> Result<Dataset, DataError> {
    let problem = smoke();
    let solver = SolverConfig::Rk4(FixedConfig { dt: 0.5 });
    let recipe = Recipe { problem: &problem, solver: &solver, data, seed: 1 };
    if windows { recipe.obtain_windows(None, &|_| {}) } else { recipe.obtain(None, &|_| {}) }
}

/// The files of `made` in every layout, by their names.
fn written(folder: &Path, data: &Dataset) -> [PathBuf; 4] {
    let [arena, well, bench, npy] = ["arena/a.h5", "well", "bench.h5", "fields.npy"].map(|n| folder.join(n));
    std::fs::create_dir_all(folder.join("arena")).unwrap();
    pdearena::write(&arena, data).unwrap();
    the_well::write(&well, "a", &[Boundary::Wall; 2], data).unwrap();
    let (values, times) = (data.values.clone(), data.times.clone());
    let series =
        Series { values, times, coordinates: data.coordinates.clone(), channels: data.channels.clone() };
    pdebench::write(&bench, &series).unwrap();
    ndarray_npy::write_npy(&npy, &data.values).unwrap();
    [folder.join("arena"), well, bench, npy]
}

#[test]
fn what_trains_stays_in_its_file_and_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let made = made();
    for path in written(folder.path(), &made) {
        let here = obtain(&asked(at(&path)), false).unwrap();
        assert_eq!(here.values, made.values, "{}", path.display());
        assert!(here.card.warnings.is_empty(), "{:?}", here.card.warnings);
        let away = obtain(&asked(at(&path)), true).unwrap();
        assert_eq!((&away.split, &away.card.hash), (&here.split, &here.card.hash));
        assert_eq!(away.values.shape()[0], 3, "only what validates and tests is in memory");
        for part in [&away.split.validation, &away.split.test] {
            assert_eq!(away.part(part), here.part(part));
        }
        for (trajectory, start) in here.windows(&here.split.train, 2) {
            assert_eq!(away.frames(trajectory, start, 2).unwrap(), here.window(trajectory, start, 2));
        }
        assert_eq!(away.frames(3, 1, 2).unwrap(), here.window(3, 1, 2));
        let (a, b) = (away.normalisation(), here.normalisation());
        let off = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off(&a.mean, &b.mean) < 1e-14 && off(&a.std, &b.std) < 1e-14);
        let file = away.stored.unwrap();
        assert!(file.file().cache_use().peak <= CACHE);
        // Noise is drawn for all that is there.
        let observe = Some(flowmap_datasets::observe::ObserveConfig { noise: 0.1, ..Default::default() });
        let noisy = obtain(&DataConfig { observe, ..asked(at(&path)) }, true).unwrap();
        assert!(noisy.stored.is_none());
    }
}

#[test]
fn a_second_file_tests_and_channels_are_told_by_name_or_named() {
    let folder = tempfile::tempdir().unwrap();
    let made = made();
    let [arena, well, bench, npy] = written(folder.path(), &made);
    let [train, test] = ["a_train.h5", "a_test.h5"].map(|n| Some(arena.join(n)));
    let both = FileConfig { test: test.clone(), ..at(train.as_deref().unwrap()) };
    // Those that validate follow those that train, where the file has no part for them.
    let data = DataConfig { train: 1, ..asked(both.clone()) };
    let found = obtain(&data, true).unwrap();
    assert_eq!(found.frames(0, 0, 4).unwrap(), made.window(0, 0, 4));
    assert_eq!(found.part(&found.split.validation).index_axis(Axis(0), 0), made.window(1, 0, 4));
    assert_eq!(found.part(&found.split.test), made.part(&made.split.test));
    let named = |path: &Path, names: [&str; 3]| FileConfig {
        channels: names.map(str::to_owned).to_vec(),
        ..at(path)
    };
    let found = obtain(&asked(named(&arena, ["vx", "u", "vy"])), false).unwrap();
    assert_eq!(found.values.index_axis(Axis(2), 0), made.values.index_axis(Axis(2), 1));
    let refused = |data: &DataConfig, said: &str| {
        let message = obtain(data, true).unwrap_err().to_string();
        assert!(message.contains(said), "no '{said}' in {message}");
    };
    refused(&asked(named(&well, ["tracer", "velocity_x", "w"])), "no channel 'w'");
    refused(&asked(named(&npy, ["s", "u", "v"])), "no channel 's'");
    refused(&asked(at(train.as_deref().unwrap())), "no part 'valid'; there are train");
    refused(
        &DataConfig { validation: 0, ..asked(at(train.as_deref().unwrap())) },
        "no part 'test'; there are train",
    );
    refused(&DataConfig { train: 3, ..asked(at(&arena)) }, "2 trajectories, and data.train = 3");
    refused(&DataConfig { dt: 0.25, ..asked(at(&well)) }, "samples are 0.5 apart");
    refused(&DataConfig { steps: 4, ..asked(at(&bench)) }, "4 samples a trajectory, and 4 steps");
    // Another file's channels.
    let other = Dataset { channels: ["rho", "u", "v"].map(str::to_owned).to_vec(), ..made.clone() };
    let path = folder.path().join("other");
    std::fs::create_dir(&path).unwrap();
    pdearena::write(&path.join("b.h5"), &other).unwrap();
    refused(&asked(at(&path)), "channels rho, vx, vy, and the problem has s, u, v");
    let both = FileConfig { test: Some(path.join("b_test.h5")), ..both };
    refused(&DataConfig { train: 1, ..asked(both) }, "data.file.test: ");
    // Files of one folder with different fields.
    for part in ["train", "valid", "test"] {
        std::fs::copy(arena.join(format!("a_{part}.h5")), path.join(format!("a_{part}.h5"))).unwrap();
    }
    refused(&asked(at(&path)), "fields rho, vx, vy, and u, vx, vy in ");
}

#[test]
fn damage_in_what_trains_is_found_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = made();
    data.values[[1, 2, 1, 3, 4]] = f64::NAN;
    let [_, _, bench, npy] = written(folder.path(), &data);
    for (path, channel) in [(bench, "'Vx'"), (npy, "2")] {
        let message = obtain(&asked(at(&path)), true).unwrap_err().to_string();
        assert!(
            message.contains("NaN in trajectory 2, sample 3")
                && message.ends_with(&format!("channel {channel}")),
            "{message}"
        );
    }
    // Means and deviations of other data under the same names.
    let [_, well, ..] = written(folder.path(), &made());
    let stats = std::fs::read_to_string(well.join("stats.yaml")).unwrap();
    let first = stats.lines().find(|l| l.contains("tracer:")).unwrap();
    std::fs::write(well.join("stats.yaml"), stats.replacen(first, "  tracer: 12.5", 1)).unwrap();
    for windows in [false, true] {
        let message = obtain(&asked(at(&well)), windows).unwrap_err().to_string();
        assert!(message.contains("statistics of another data set: 'tracer' has mean 12.5"), "{message}");
    }
    // Points that are not the problem's are told.
    let far = Dataset { coordinates: vec![(0..8).map(f64::from).collect(); 2], ..made() };
    let [arena, ..] = written(folder.path(), &far);
    let warnings = obtain(&asked(at(&arena)), true).unwrap().card.warnings;
    assert!(warnings[0].contains("points are 1.0000 apart"), "{warnings:?}");
}
