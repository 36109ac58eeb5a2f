//! Series from files, and what a model is shown of them.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use flowmap_datasets::data::{DataConfig, FileConfig};
use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::format::{FormatError, read};
use flowmap_datasets::generate::{DataError, Recipe};
use flowmap_datasets::initial::{Empty, InitialConfig};
use flowmap_datasets::observe::{DelayRule, EmbeddingConfig, Noisy, ObserveConfig};
use flowmap_datasets::problem::ProblemConfig;
use flowmap_datasets::series::obtain;
use flowmap_solvers::config::SolverConfig;
use flowmap_solvers::issue::{Issue, Validate};
use ndarray::{Array, Array2, Array3, Axis, ShapeBuilder, s};
use ndarray_npy::WriteNpyExt;

fn data(path: &Path) -> DataConfig {
    DataConfig {
        train: 0,
        validation: 0,
        test: 1,
        dt: 0.0,
        train_steps: 0,
        steps: 0,
        history: 1,
        burn_in: 0.0,
        initial: InitialConfig::Textbook(Empty {}),
        file: Some(FileConfig { path: path.to_owned(), ..FileConfig::default() }),
        dropped: 0.0,
        observe: None,
    }
}

fn with_test(path: &Path, test: &Path) -> DataConfig {
    let mut data = data(path);
    data.file.as_mut().unwrap().test = Some(test.to_owned());
    data
}

fn write<A: ndarray_npy::WritableElement, D: ndarray::Dimension>(
    folder: &Path,
    name: &str,
    values: &Array<A, D>,
) -> PathBuf {
    let path = folder.join(name);
    values.write_npy(std::fs::File::create(&path).unwrap()).unwrap();
    path
}

fn text(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Two incommensurate sines, 200 samples.
fn waves() -> Array2<f64> {
    Array2::from_shape_fn((200, 2), |(t, c)| (0.1 * (1.0 + c as f64) * t as f64 + c as f64).sin() * 3.0)
}

fn issue(result: Result<Dataset, DataError>) -> Issue {
    match result {
        Err(DataError::Config(issue)) => issue,
        other => panic!("{other:?}"),
    }
}

#[test]
fn arrays_of_either_order_and_precision_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let c = waves();
    let mut fortran = Array2::zeros((200, 2).f());
    fortran.assign(&c);
    let narrow = c.mapv(|v| v as f32);
    let a = read(&write(folder.path(), "a.npy", &c)).unwrap();
    let b = read(&write(folder.path(), "b.npy", &fortran)).unwrap();
    let n = read(&write(folder.path(), "n.npy", &narrow)).unwrap();
    assert_eq!(a, b);
    assert_eq!(a.values.shape(), [1, 200, 2]);
    assert_eq!(a.values[[0, 7, 1]], c[[7, 1]]);
    assert!(a.values.iter().zip(&n.values).all(|(a, n)| (a - n).abs() < 1e-6));
    let one = read(&write(folder.path(), "one.npy", &c.column(0).to_owned())).unwrap();
    assert_eq!(one.values.shape(), [1, 200, 1]);
    let three = read(&write(folder.path(), "three.npy", &Array3::<f64>::ones((2, 9, 4)))).unwrap();
    assert_eq!(three.values.shape(), [2, 9, 4]);
}

/// An array of texts, which Rust has no name for.
fn header(folder: &Path, name: &str, kind: &str, rows: usize) -> PathBuf {
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({rows},), }}");
    text.push_str(&" ".repeat(117 - text.len()));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes.extend(vec![0; 16 * rows]);
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn integers_are_numbers() {
    fn of<T: ndarray_npy::WritableElement + Copy>(
        folder: &Path,
        convert: fn(u8) -> T,
    ) -> Array<f64, ndarray::IxDyn> {
        let values = Array2::from_shape_fn((9, 2), |(t, c)| convert((10 * t + c) as u8));
        read(&write(folder, "i.npy", &values)).unwrap().values
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let wanted = Array3::from_shape_fn((1, 9, 2), |(_, t, c)| (10 * t + c) as f64).into_dyn();
    assert_eq!(of(folder, |v| v), wanted);
    assert_eq!(of(folder, |v| v as i8), wanted);
    assert_eq!(of(folder, i16::from), wanted);
    assert_eq!(of(folder, u16::from), wanted);
    assert_eq!(of(folder, i32::from), wanted);
    assert_eq!(of(folder, u32::from), wanted);
    assert_eq!(of(folder, i64::from), wanted);
    assert_eq!(of(folder, u64::from), wanted);
    let negative = read(&write(folder, "n.npy", &Array2::from_elem((9, 1), -7_i64))).unwrap();
    assert!(negative.values.iter().all(|v| *v == -7.0));
}

#[test]
fn a_file_without_samples_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let array = write(folder.path(), "none.npy", &Array2::<f64>::zeros((0, 3)));
    let table = text(folder.path(), "none.csv", "x,y\n");
    for path in [array, table] {
        let message = obtain(&data(&path), 0).unwrap_err().to_string();
        assert!(message.ends_with("the file has no samples"), "{message}");
    }
}

#[test]
fn arrays_of_another_kind_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let rank = write(folder.path(), "rank.npy", &ndarray::ArrayD::<f64>::zeros(vec![1; 7]));
    match read(&rank) {
        Err(FormatError::Shape { found, .. }) => assert_eq!(found, [1; 7]),
        other => panic!("{other:?}"),
    }
    let fields = write(folder.path(), "fields.npy", &ndarray::Array4::<f64>::zeros((1, 9, 3, 4)));
    let message = obtain(&data(&fields), 0).unwrap_err().to_string();
    assert!(message.contains("fields of shape [3, 4], not series"), "{message}");
    for (path, kind) in [
        (write(folder.path(), "b.npy", &Array2::<bool>::default((9, 2))), "b1"),
        (write(folder.path(), "c.npy", &Array2::<num_complex::Complex64>::zeros((9, 2))), "c16"),
        (header(folder.path(), "s.npy", "<U4", 9), "U4"),
    ] {
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains(kind) && message.contains("real numbers are wanted"), "{message}");
        assert!(!message.contains("damaged"), "{message}");
    }
    let whole = write(folder.path(), "cut.npy", &waves());
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&whole, &bytes[..bytes.len() - 5]).unwrap();
    assert!(matches!(read(&whole), Err(FormatError::Damaged { .. })));
}

#[test]
fn tables_may_separate_by_anything_and_name_their_columns() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = [[1.0, -2.5], [3e-2, 4.0], [5.0, 6.0]];
    for (name, content) in [
        ("a.csv", "1,-2.5\n3e-2,4\n5,6\n"),
        ("b.csv", "\"x\"; \"y\"\r\n1; -2.5\r\n3e-2;4\r\n5;6"),
        ("c.tsv", "x\ty\n1\t-2.5\n\n3e-2\t4\n5\t6\n"),
        ("d.txt", "# by hand\n 1  -2.5\n3e-2   4\n5 6\n"),
        ("e.csv", "time,x,y\n0.0,1,-2.5\n0.5,3e-2,4\n1.0,5,6\n"),
    ] {
        let s = read(&text(folder.path(), name, content)).unwrap();
        assert_eq!(s.values, ndarray::arr2(&wanted).insert_axis(Axis(0)).into_dyn(), "{name}");
        let named = ["b.csv", "c.tsv", "e.csv"].contains(&name);
        assert_eq!(s.channels, if named { vec!["x", "y"] } else { Vec::new() }, "{name}");
        assert_eq!(s.times, if name == "e.csv" { vec![0.0, 0.5, 1.0] } else { Vec::new() }, "{name}");
    }
}

#[test]
fn bad_cells_are_named_by_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    for (content, place, what) in [
        ("x,y\n1,2\n3,four\n", ":3:2", "'four' is no number"),
        ("x,y\n1,2\n3\n", ":3:2", "1 columns, and 2"),
        ("1,2\n3,4,5\n", ":2:3", "3 columns, and 2"),
        ("1,2\n\n,4\n", ":3:1", "an empty cell"),
    ] {
        let message = read(&text(folder.path(), "bad.csv", content)).unwrap_err().to_string();
        assert!(message.contains(place) && message.contains(what), "{message}");
    }
    for content in ["", "# nothing\n", "x,y\n"] {
        let message = read(&text(folder.path(), "none.csv", content)).unwrap_err().to_string();
        assert!(message.contains("no samples"), "{message}");
    }
    std::fs::write(folder.path().join("bytes.csv"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(matches!(read(&folder.path().join("bytes.csv")), Err(FormatError::Damaged { .. })));
}

#[test]
fn one_long_series_is_split_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "a.npy", &waves());
    let d = obtain(&data(&path), 0).unwrap();
    assert_eq!((d.split.train.samples.clone(), d.split.validation.samples.clone()), (0..144, 144..160));
    assert_eq!(d.split.test.samples, 160..200);
    assert_eq!(d.series(&d.split.test)[0], waves().slice(s![160.., ..]));
    assert_eq!(d.channels, ["x1", "x2"]);
    assert_eq!(d.times[..2], [0.0, 1.0]);
    assert!(d.card.source.as_ref().unwrap().ends_with("a.npy"));
    let shorter = DataConfig { steps: 99, dt: 0.5, ..data(&path) };
    let d = obtain(&shorter, 0).unwrap();
    assert_eq!((d.values.shape()[1], d.times[1]), (100, 0.5));
}

#[test]
fn another_file_tests() {
    let folder = tempfile::tempdir().unwrap();
    let train = write(folder.path(), "train.npy", &waves());
    let test = write(folder.path(), "test.npy", &(waves().slice(s![..50, ..]).to_owned() * 2.0));
    let d = obtain(&with_test(&train, &test), 0).unwrap();
    assert_eq!((d.split.train.samples.clone(), d.split.validation.samples.clone()), (0..180, 180..200));
    assert_eq!(d.series(&d.split.test)[0], waves().slice(s![..50, ..]).mapv(|v| 2.0 * v));
    assert!(d.card.warnings.is_empty());
    // A test file that is the training file is said to be one.
    let d = obtain(&with_test(&train, &train), 0).unwrap();
    assert!(d.card.warnings[0].contains("training score"));
    let other = write(folder.path(), "other.npy", &Array2::from_shape_fn((50, 3), |(t, c)| (t * c) as f64));
    assert!(issue(obtain(&with_test(&train, &other), 0)).message.contains("3 channels, and 2"));
    let mut both = with_test(&train, &test);
    both.file.as_mut().unwrap().train_fraction = Some(0.5);
    assert_eq!(both.issues("data")[0].path, "data.file.train_fraction");
}

#[test]
fn whole_trajectories_serve_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let values = Array3::from_shape_fn((4, 20, 1), |(n, t, _)| (n * 20 + t) as f64);
    let path = write(folder.path(), "a.npy", &values);
    let wanted = DataConfig { train: 2, validation: 1, test: 1, ..data(&path) };
    let d = obtain(&wanted, 0).unwrap();
    assert_eq!((d.split.train.trajectories.clone(), d.split.test.trajectories.clone()), (0..2, 3..4));
    assert!(issue(obtain(&DataConfig { train: 9, ..wanted }, 0)).message.contains("4 trajectories"));
}

#[test]
fn what_cannot_be_learned_from_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut hole = waves();
    hole[[16, 1]] = f64::NAN;
    let message = obtain(&data(&write(folder.path(), "hole.npy", &hole)), 0).unwrap_err().to_string();
    assert!(message.contains("hole.npy") && message.contains("NaN in row 17, column 2"), "{message}");
    let table = text(folder.path(), "inf.csv", &format!("x\n{}inf\n", "1\n2\n".repeat(20)));
    let message = obtain(&data(&table), 0).unwrap_err().to_string();
    assert!(message.contains("inf in row 41, column 1"), "{message}");

    let rows: String = (0..100).map(|t| format!("{},7.5,{}\n", t % 9, t % 7)).collect();
    let flat = text(folder.path(), "flat.csv", &format!("x,y,z\n{rows}"));
    let found = issue(obtain(&data(&flat), 0));
    assert!(found.message.contains("channel 'y' is constant (7.5)"), "{found}");
    assert!(found.hint.unwrap().contains("data.observe.channels = [\"x\", \"z\"]"));
    let observe = ObserveConfig { channels: vec!["x".into(), "z".into()], ..ObserveConfig::default() };
    let d = obtain(&DataConfig { observe: Some(observe), ..data(&flat) }, 0).unwrap();
    assert_eq!(d.channels, ["x", "z"]);

    let short = write(folder.path(), "short.npy", &waves().slice(s![..12, ..]).to_owned());
    assert!(issue(obtain(&data(&short), 0)).message.contains("2 samples to test in a series of 12"));
    let asked = DataConfig { steps: 12, ..data(&short) };
    assert!(issue(obtain(&asked, 0)).message.contains("12 samples, and data.steps = 12"));
    let uneven = text(folder.path(), "uneven.csv", &table_of_times(2.5));
    assert!(issue(obtain(&data(&uneven), 0)).message.contains("uneven: 2 is followed by 2.5"));
    let twice = text(folder.path(), "twice.csv", &table_of_times(2.0));
    assert!(issue(obtain(&data(&twice), 0)).message.contains("the time 2 is there twice, in rows 3 and 4"));
    let unsorted = text(folder.path(), "unsorted.csv", &table_of_times(1.5));
    let found = issue(obtain(&data(&unsorted), 0));
    assert!(found.message.contains("2 in row 3 is followed by 1.5") && found.hint.unwrap().contains("sort"));
    let even = text(folder.path(), "even.csv", &table_of_times(3.0));
    assert_eq!(obtain(&data(&even), 0).unwrap().times[..3], [0.0, 1.0, 2.0]);
    let asked = DataConfig { dt: 0.1, ..data(&even) };
    assert_eq!(issue(obtain(&asked, 0)).path, "data.dt");
    assert!(
        issue(obtain(&DataConfig { file: None, ..data(&flat) }, 0)).hint.unwrap().contains("[data.file]")
    );
}

/// Sixty samples one apart, but for the fourth.
fn table_of_times(fourth: f64) -> String {
    let time = |t: i32| if t == 3 { fourth } else { f64::from(t) };
    let rows: String = (0..60).map(|t| format!("{},{}\n", time(t), t % 9)).collect();
    format!("t,x\n{rows}")
}

#[test]
fn noise_is_relative_seeded_and_spares_the_test() {
    let folder = tempfile::tempdir().unwrap();
    let long = Array2::from_shape_fn((20_000, 2), |(t, c)| ((0.1 + c as f64) * t as f64).sin() * 3.0);
    let path = write(folder.path(), "a.npy", &long);
    let observed = |observe: ObserveConfig, seed| {
        obtain(&DataConfig { observe: Some(observe), ..data(&path) }, seed).unwrap()
    };
    let noise = ObserveConfig { noise: 0.1, ..ObserveConfig::default() };
    let (d, exact) = (observed(noise.clone(), 3), obtain(&data(&path), 3).unwrap());
    let difference = &d.values - &exact.values;
    let of = |samples: std::ops::Range<usize>, c: usize| difference.slice(s![0, samples, c]).std(0.0);
    // Three times the root of a half, a tenth of it.
    let wanted = 0.1 * 3.0 * 0.5_f64.sqrt();
    for c in 0..2 {
        assert!((of(0..16_000, c) / wanted - 1.0).abs() < 0.03, "{}", of(0..16_000, c));
        assert_eq!(of(16_000..20_000, c), 0.0);
    }
    let all = observed(ObserveConfig { noisy: Noisy::All, ..noise.clone() }, 3);
    assert!((&all.values - &exact.values).slice(s![0, 16_000.., 0]).std(0.0) > 0.9 * wanted);
    assert_eq!(observed(noise.clone(), 3).values, d.values);
    assert_ne!(observed(noise.clone(), 4).values, d.values);
    // The noise on a channel does not depend on which others are observed.
    let second = observed(ObserveConfig { channels: vec!["x2".into()], ..noise }, 3);
    assert_eq!(second.values.slice(s![.., .., 0]), d.values.slice(s![.., .., 1]));
    assert!((second.card.observation.unwrap().noise_std[0] / wanted - 1.0).abs() < 1e-2);
}

#[test]
fn inputs_come_last_and_are_known_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let long = Array2::from_shape_fn((500, 3), |(t, c)| ((0.1 + c as f64) * t as f64).sin());
    let path = write(folder.path(), "a.npy", &long);
    let observed = |observe: ObserveConfig| obtain(&DataConfig { observe: Some(observe), ..data(&path) }, 0);
    let driven = |inputs: &[&str], channels: &[&str]| ObserveConfig {
        noise: 0.1,
        inputs: inputs.iter().map(|s| (*s).to_owned()).collect(),
        channels: channels.iter().map(|s| (*s).to_owned()).collect(),
        ..ObserveConfig::default()
    };
    let d = observed(driven(&["x1"], &[])).unwrap();
    assert_eq!((d.channels.clone(), d.inputs()), (vec!["x2".into(), "x3".into(), "x1".into()], 1));
    assert_eq!(d.values.slice(s![0, .., 2]), long.slice(s![.., 0]));
    assert_ne!(d.values.slice(s![0, .., 0]), long.slice(s![.., 1]));
    assert_eq!(d.card.observation.unwrap().noise_std[2], 0.0);
    let few = observed(driven(&["x2"], &["x3"])).unwrap();
    assert_eq!(few.channels, ["x3", "x2"]);
    let unknown = issue(observed(driven(&["u"], &[])));
    assert_eq!((unknown.path.as_str(), unknown.hint.is_some()), ("data.observe.inputs", true));
    let all = issue(observed(driven(&["x1", "x2", "x3"], &[])));
    assert!(all.message.contains("nothing is observed"), "{}", all.message);
}

#[test]
fn delays_and_scale_come_from_the_training_part_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "a.npy", &waves());
    let observe = ObserveConfig {
        channels: vec!["x2".into()],
        embedding: Some(EmbeddingConfig { dimension: 3, delay: 5, choose: DelayRule::default() }),
        standardise: true,
        ..ObserveConfig::default()
    };
    let d = obtain(&DataConfig { observe: Some(observe.clone()), ..data(&path) }, 0).unwrap();
    assert_eq!(d.channels, ["x2", "x2(t-5)", "x2(t-10)"]);
    assert_eq!((d.values.shape()[1], d.times.len()), (190, 190));
    assert_eq!((d.split.train.samples.clone(), d.split.test.samples.clone()), (0..134, 160..190));
    let scale = d.card.observation.as_ref().unwrap().scale.clone().unwrap();
    // The first sample that tests has its past within the last stretch: nothing of it was trained on.
    let raw = |t: usize| (waves()[[t, 1]] - scale.mean[0]) / scale.std[0];
    assert!((d.values[[0, 160, 0]] - raw(170)).abs() < 1e-12);
    let train = d.series(&d.split.train)[0];
    assert!(train.column(0).sum().abs() < 1e-9 && (train.column(0).std(0.0) - 1.0).abs() < 1e-9);

    let too_long = EmbeddingConfig { dimension: 5, delay: 20, choose: DelayRule::default() };
    let observe = ObserveConfig { embedding: Some(too_long), ..observe };
    let found = issue(obtain(&DataConfig { observe: Some(observe.clone()), ..data(&path) }, 0));
    assert_eq!(found.path, "data.observe.embedding.delay");
    assert!(found.message.contains("80 samples of past"), "{found}");
    let unknown = ObserveConfig { channels: vec!["u".into()], ..observe };
    let found = issue(obtain(&DataConfig { observe: Some(unknown), ..data(&path) }, 0));
    assert!(found.hint.unwrap().contains("x1, x2"));
}

#[test]
fn lorenz_is_embedded_as_the_literature_does_it() {
    let lorenz = ProblemConfig::Lorenz63(Default::default());
    let solver = SolverConfig::Dopri5(Default::default());
    let embedding = EmbeddingConfig::default();
    let observe = ObserveConfig {
        channels: vec!["x".into()],
        embedding: Some(embedding.clone()),
        ..ObserveConfig::default()
    };
    let plain = DataConfig {
        train: 1,
        validation: 1,
        dt: 0.01,
        steps: 8000,
        burn_in: 10.0,
        file: None,
        ..data(Path::new(""))
    };
    let of = |observe: Option<ObserveConfig>| {
        let data = DataConfig { observe, ..plain.clone() };
        Recipe { problem: &lorenz, solver: &solver, data: &data, seed: 0 }.obtain(None, &|_| {}).unwrap()
    };
    let (d, exact) = (of(Some(observe.clone())), of(None));
    let found = d.card.observation.clone().unwrap();
    // The first minimum of the mutual information of x lies near 0.16 to 0.18; three coordinates suffice.
    assert!((14..=20).contains(&found.delay), "{found:?}");
    assert_eq!(found.dimension, 3);
    // What is shown of the trajectories is no part of their making.
    assert_eq!(d.card.hash, exact.card.hash);
    let correlation = EmbeddingConfig { choose: DelayRule::Autocorrelation, ..embedding };
    let found = of(Some(ObserveConfig { embedding: Some(correlation), ..observe }));
    assert!(found.card.observation.unwrap().delay > 20);
}
