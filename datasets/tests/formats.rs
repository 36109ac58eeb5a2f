//! File formats: foreign files are read, own files come back, damaged ones are named.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use flowmap_datasets::format::{FormatError, Series, npz, pdebench, read};
use ndarray::Array;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn series(axes: usize) -> Series {
    let shape: Vec<usize> = [2, 3, 1, 8, 6][..3 + axes].to_vec();
    let n = shape.iter().product::<usize>();
    Series {
        values: Array::from_iter((0..n).map(|i| (i as f64).sin())).into_shape_with_order(shape).unwrap(),
        times: vec![0.0, 0.5, 1.0],
        coordinates: [8, 6][..axes].iter().map(|n| (0..*n).map(|i| 0.1 * i as f64).collect()).collect(),
        channels: Vec::new(),
    }
}

#[test]
fn files_by_h5py_are_read() {
    for name in ["contiguous.h5", "chunked.h5"] {
        let s = read(&fixture(name)).unwrap();
        assert_eq!(s.values.shape(), [2, 3, 1, 8]);
        assert!(s.values.iter().enumerate().all(|(i, v)| *v == i as f64), "{name}");
        // One time more than samples, as PDEBench writes it.
        assert_eq!(s.times, [0.0, 0.5, 1.0]);
        assert_eq!(s.coordinates[0][1], 0.125);
    }
}

#[test]
fn what_is_written_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    for axes in [1, 2] {
        let s = series(axes);
        let (a, b) = (folder.path().join("a.npz"), folder.path().join("b.h5"));
        npz::write(&a, &s).unwrap();
        pdebench::write(&b, &s).unwrap();
        assert_eq!(read(&a).unwrap(), s);
        assert_eq!(read(&b).unwrap(), s);
    }
    // A system of ordinary equations has no axes.
    let s = Series { values: Array::zeros(vec![2, 3, 4]), coordinates: Vec::new(), ..series(1) };
    let path = folder.path().join("ode.npz");
    npz::write(&path, &s).unwrap();
    assert_eq!(read(&path).unwrap(), s);
    assert!(matches!(pdebench::write(&folder.path().join("ode.h5"), &s), Err(FormatError::Shape { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn damaged_foreign_and_missing_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    assert!(matches!(read(&path), Err(FormatError::Open { .. })));
    std::fs::write(&path, "time,u\n0,1\n").unwrap();
    assert!(matches!(read(&path), Err(FormatError::Foreign { .. })));
    std::fs::write(&path, "").unwrap();
    assert!(matches!(read(&path), Err(FormatError::Foreign { .. })));
    npz::write(&path, &series(1)).unwrap();
    let whole = [std::fs::read(&path).unwrap(), std::fs::read(fixture("chunked.h5")).unwrap()];
    for bytes in whole {
        for part in 1..20 {
            std::fs::write(&path, &bytes[..bytes.len() * part / 20]).unwrap();
            let result = read(&path);
            assert!(
                matches!(
                    result,
                    Err(FormatError::Damaged { .. }
                        | FormatError::Missing { .. }
                        | FormatError::Foreign { .. })
                ),
                "{part}/20: {result:?}"
            );
        }
    }
}

fn archive<D: ndarray::Dimension>(path: &Path, arrays: &[(&str, Array<f32, D>)]) {
    let mut archive = ndarray_npy::NpzWriter::new(std::fs::File::create(path).unwrap());
    for (name, values) in arrays {
        archive.add_array(*name, values).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn a_missing_entry_is_named_with_those_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    archive(&path, &[("u", Array::zeros(3)), ("v", Array::zeros(3))]);
    let message = read(&path).unwrap_err().to_string();
    assert!(message.contains("no entry 'values'") && message.contains("there are u, v"), "{message}");
    assert!(message.contains("wanted are 'values' [trajectory"), "{message}");
}

#[test]
fn one_array_alone_is_a_series_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    archive(&path, &[("recording", Array::from_shape_fn((7, 2), |(t, c)| (t + 10 * c) as f32))]);
    let series = read(&path).unwrap();
    assert_eq!(series.values.shape(), [1, 7, 2]);
    assert_eq!((series.values[[0, 6, 1]], series.times.len()), (16.0, 0));
    // Fields need their times and axes.
    archive(&path, &[("recording", Array::zeros((1, 7, 2, 8)))]);
    let message = read(&path).unwrap_err().to_string();
    assert!(message.contains("no entry 'values'") && message.contains("'times'"), "{message}");
}
