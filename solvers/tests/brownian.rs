//! The path as a function of time: its law, and that it is one function.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::brownian::{Brownian, LevyPath, Noise, Path, philox};
use ndarray::{Array1, Array2};

/// Increment and area over an interval of a path of one component.
fn piece(path: &mut Brownian, s: f64, t: f64) -> (f64, f64) {
    let (mut w, mut h) = ([0.0], [0.0]);
    path.increment_and_area(s, t, &mut w, &mut h);
    (w[0], h[0])
}

/// `Φ(x)`, by the series `½ + φ(x) (x + x³/3 + x⁵/15 + …)`.
fn normal_distribution(x: f64) -> f64 {
    if x.abs() > 8.0 {
        return f64::from(x > 0.0);
    }
    let (mut term, mut sum, mut k) = (x, 0.0, 1.0);
    while term.abs() > 1e-18 {
        sum += term;
        k += 2.0;
        term *= x * x / k;
    }
    0.5 + sum * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

/// The probability of a Kolmogorov-Smirnov distance at least as large as that of the sample to the normal law.
fn kolmogorov_smirnov(mut sample: Vec<f64>) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let distance = sample.iter().enumerate().fold(0.0_f64, |d, (i, x)| {
        let p = normal_distribution(*x);
        d.max((p - i as f64 / n).abs()).max(((i + 1) as f64 / n - p).abs())
    });
    let x = (n.sqrt() + 0.12 + 0.11 / n.sqrt()) * distance;
    (1..100).map(|k| 2.0 * (-1.0_f64).powi(k - 1) * (-2.0 * f64::from(k * k) * x * x).exp()).sum()
}

fn moments(sample: &[f64]) -> (f64, f64) {
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    (mean, sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n)
}

#[test]
fn philox_has_the_known_answers_of_its_authors() {
    let answers = [
        ([0; 4], [0; 2], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]),
        ([u32::MAX; 4], [u32::MAX; 2], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]),
        (
            [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
            [0xa4093822, 0x299f31d0],
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
        ),
    ];
    for (counter, key, answer) in answers {
        assert_eq!(philox(counter, key), answer);
    }
}

#[test]
fn increments_are_normal_and_areas_too() {
    // 10⁵ steps of one path on its grid, of one path off its grid, and the first step of 10⁵ paths.
    let n = 100_000;
    let dt = 1e-3;
    let mut on = Brownian::on_grid(1, 0.0, dt, n, &[0.0]);
    let mut off = Brownian::new(2, 0.0, 101.0, &[0.0]).tolerance(1e-4);
    let rows = Array2::zeros((n as usize, 1));
    let mut batch = Brownian::new(3, 0.0, 1.0, &rows);
    let (mut w, mut h) = (rows.clone(), rows);
    batch.increment_and_area(0.0, 0.371, &mut w, &mut h);
    let walk = |path: &mut Brownian| -> Vec<_> {
        (0..n).map(|i| piece(path, i as f64 * dt, (i + 1) as f64 * dt)).collect()
    };
    let samples = [
        (walk(&mut on), dt),
        (walk(&mut off), dt),
        (w.iter().copied().zip(h.iter().copied()).collect(), 0.371),
    ];
    for (sample, dt) in samples {
        let w: Vec<f64> = sample.iter().map(|p| p.0 / dt.sqrt()).collect();
        let h: Vec<f64> = sample.iter().map(|p| p.1 / (dt / 12.0).sqrt()).collect();
        // Of independent standard normals each mean is below four standard errors.
        let bound = 4.0 / (n as f64).sqrt();
        let products = w.iter().zip(&h).map(|(w, h)| w * h).sum::<f64>() / n as f64;
        let lagged = w.windows(2).map(|p| p[0] * p[1]).sum::<f64>() / n as f64;
        let lagged_h = h.windows(2).map(|p| p[0] * p[1]).sum::<f64>() / n as f64;
        let crossed = w.iter().zip(&h[1..]).map(|(w, h)| w * h).sum::<f64>() / n as f64;
        for moment in [products, lagged, lagged_h, crossed, moments(&w).0, moments(&h).0] {
            assert!(moment.abs() < bound, "{moment} {products} {lagged} {lagged_h} {crossed}");
        }
        let (p, q) = (kolmogorov_smirnov(w), kolmogorov_smirnov(h));
        assert!(p > 0.01 && q > 0.01, "{p} {q}");
    }
}

#[test]
fn the_test_of_normality_notices_a_wrong_variance() {
    let n = 100_000;
    let mut path = Brownian::on_grid(1, 0.0, 1.0, n, &[0.0]);
    let sample = (0..n).map(|i| 1.02 * piece(&mut path, i as f64, i as f64 + 1.0).0).collect();
    assert!(kolmogorov_smirnov(sample) < 0.01);
}

/// The law of the first part of an interval given the whole, at a middle of the tree, at a place off it, and within a leaf.
#[test]
fn parts_have_their_law_given_the_whole() {
    let n = 40_000;
    for (depth_tolerance, a, b) in
        [(1e-6, 0.5, 1.0), (1e-6, 0.3, 1.0), (1e-6, 0.21, 0.77), (1.0, 0.3, 1.0), (1.0, 0.9, 1.0)]
    {
        let rows = Array2::zeros((n, 1));
        let mut path = Brownian::new(11, 0.0, 1.0, &rows).tolerance(depth_tolerance);
        let mut query = |s: f64, t: f64| {
            let (mut w, mut h) = (rows.clone(), rows.clone());
            path.increment_and_area(s, t, &mut w, &mut h);
            (w, h)
        };
        let (w, h) = query(0.0, b);
        let (w1, h1) = query(0.0, a);
        let (l, x) = (b, a / b);
        let y = 1.0 - x;
        // What is left of the part when its mean given the whole is taken away.
        let rest: Vec<f64> = (0..n).map(|i| w1[(i, 0)] - x * w[(i, 0)] - 6.0 * x * y * h[(i, 0)]).collect();
        let rest_h: Vec<f64> = (0..n).map(|i| h1[(i, 0)] - x * x * h[(i, 0)]).collect();
        let variance = l * x * y * (1.0 - 3.0 * x * y);
        let variance_h = a / 12.0 * (1.0 - x.powi(3));
        let covariance = -0.5 * l * x.powi(3) * y;
        let measured = rest.iter().zip(&rest_h).map(|(a, b)| a * b).sum::<f64>() / n as f64;
        let (mean, var) = moments(&rest);
        let (mean_h, var_h) = moments(&rest_h);
        let error = 4.5 / (n as f64).sqrt();
        assert!(mean.abs() < error * variance.sqrt() && mean_h.abs() < error * variance_h.sqrt());
        assert!((var / variance - 1.0).abs() < error * 2.0_f64.sqrt(), "{a} {b}: {var} {variance}");
        assert!((var_h / variance_h - 1.0).abs() < error * 2.0_f64.sqrt(), "{a} {b}: {var_h} {variance_h}");
        assert!((measured - covariance).abs() < 1.5 * error * (variance * variance_h).sqrt());
        // And the rest is independent of the whole.
        for whole in [&w, &h] {
            let scale = moments(whole.as_slice().unwrap()).1.sqrt();
            for (rest, v) in [(&rest, variance), (&rest_h, variance_h)] {
                let c = rest.iter().zip(whole.iter()).map(|(a, b)| a * b).sum::<f64>() / n as f64;
                assert!(c.abs() < error * scale * v.sqrt(), "{a} {b}: {c}");
            }
        }
    }
}

/// The area is the mean of the path: sums over a fine grid agree with it.
#[test]
fn areas_are_means_of_the_path() {
    let mut path = Brownian::new(5, 0.0, 1.0, &[0.0]);
    let (s, t, n) = (0.137, 0.862, 4000);
    let (w, h) = piece(&mut path, s, t);
    let dt = (t - s) / f64::from(n);
    let mean = (0..n)
        .map(|i| {
            let at = s + (f64::from(i) + 0.5) * dt;
            piece(&mut path, s, at).0 - (at - s) / (t - s) * w
        })
        .sum::<f64>()
        / f64::from(n);
    assert!((mean - h).abs() < 1e-3, "{mean} {h}");
}

#[test]
fn pieces_join_to_the_whole() {
    let mut path = Brownian::new(9, -1.0, 2.0, &[0.0]).tolerance(1e-3);
    let ends = [-1.0, -0.99995, -0.9999, -0.3, 0.1, 0.5, 0.50001, 0.6, 1.9, 2.0];
    for (i, s) in ends.iter().enumerate() {
        for (j, t) in ends.iter().enumerate().skip(i + 2) {
            let m = ends[(i + j) / 2];
            let (whole, first, second) =
                (piece(&mut path, *s, *t), piece(&mut path, *s, m), piece(&mut path, m, *t));
            assert!((whole.0 - first.0 - second.0).abs() < 1e-13);
            let (a, b) = (m - s, t - m);
            let h = (a * first.1 + b * second.1 + 0.5 * (b * first.0 - a * second.0)) / (a + b);
            assert!((whole.1 - h).abs() < 1e-11, "{s} {m} {t}: {} {h}", whole.1);
            let back = piece(&mut path, *t, *s);
            assert_eq!((-back.0, back.1), whole);
        }
    }
}

#[test]
fn a_value_depends_on_nothing_but_its_place() {
    let like = Array2::zeros((5, 3));
    let times = [0.013, 0.25, 0.3, 0.499, 0.5, 0.61, 0.617, 0.9, 1.0];
    let ask = |path: &mut Brownian, s: f64, t: f64| {
        let (mut w, mut h) = (like.clone(), like.clone());
        path.increment_and_area(s, t, &mut w, &mut h);
        (w, h)
    };
    let pairs: Vec<_> = times.iter().flat_map(|s| times.iter().map(move |t| (*s, *t))).collect();
    let mut path = Brownian::new(42, 0.0, 1.0, &like);
    let forward: Vec<_> = pairs.iter().map(|(s, t)| ask(&mut path, *s, *t)).collect();
    // Other orders, and a path that has seen nothing.
    let mut other = Brownian::new(42, 0.0, 1.0, &like);
    for (i, (s, t)) in pairs.iter().enumerate().rev() {
        assert_eq!(ask(&mut other, *s, *t), forward[i]);
        assert_eq!(ask(&mut Brownian::new(42, 0.0, 1.0, &like), *s, *t), forward[i]);
    }
    // On other threads.
    let halves: Vec<_> = std::thread::scope(|scope| {
        let ask = &ask;
        let like = &like;
        let tasks: Vec<_> = pairs
            .chunks(30)
            .map(|pairs| {
                scope.spawn(move || {
                    let mut path = Brownian::new(42, 0.0, 1.0, like);
                    pairs.iter().map(|(s, t)| ask(&mut path, *s, *t)).collect::<Vec<_>>()
                })
            })
            .collect();
        tasks.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(halves, forward);
    // A row alone, and rows from the third on.
    for row in 0..5 {
        let mut alone = Brownian::new(42, 0.0, 1.0, &Array1::zeros(3)).first_row(row);
        let mut w = Array1::zeros(3);
        alone.increment(0.3, 0.617, &mut w);
        let i = pairs.iter().position(|p| *p == (0.3, 0.617)).unwrap();
        assert_eq!(w, forward[i].0.row(row));
    }
    // Another seed is another path.
    assert_ne!(ask(&mut Brownian::new(43, 0.0, 1.0, &like), 0.3, 0.9), ask(&mut path, 0.3, 0.9));
}

#[test]
fn rounding_of_times_does_not_show() {
    let dt = 0.1;
    let mut path = Brownian::on_grid(3, 0.0, dt, 10, &[0.0]);
    let mut t = 0.0;
    for n in 0..10_u32 {
        let exact = piece(&mut path, f64::from(n) * dt, f64::from(n + 1) * dt);
        assert_eq!(piece(&mut path, t, t + dt), exact);
        t += dt;
    }
    // A path from far away, too.
    let mut far = Brownian::on_grid(3, 1e4, dt, 10, &[0.0]);
    let there = piece(&mut far, 1e4 + 3.0 * dt, 1e4 + 4.0 * dt);
    let here = piece(&mut path, 3.0 * dt, 4.0 * dt);
    assert!((there.0 - here.0).abs() + (there.1 - here.1).abs() < 1e-11, "{there:?} {here:?}");
}

#[test]
fn outside_of_its_interval_and_at_no_time_a_path_is_no_number() {
    let mut path = Brownian::new(3, 0.0, 1.0, &[0.0]);
    for (s, t) in [(-0.1, 0.5), (0.5, 1.1), (f64::NAN, 0.5), (0.0, f64::INFINITY)] {
        let (w, h) = piece(&mut path, s, t);
        assert!(w.is_nan() && h.is_nan());
    }
    assert_eq!(piece(&mut path, 0.5, 0.5), (0.0, 0.0));
    assert!(piece(&mut path, 0.0, 1.0 + 1e-12).0.is_finite());
}

#[test]
fn a_tensor_takes_the_values_of_the_host() {
    use burn::tensor::{DType, Device, Tensor};
    let like = Array2::zeros((4, 3));
    let tensor = Tensor::<2>::zeros([4, 3], (&Device::flex(), DType::F64));
    let (mut w, mut on_device) = (like.clone(), tensor.clone());
    Brownian::new(8, 0.0, 1.0, &like).increment(0.2, 0.7, &mut w);
    Brownian::new(8, 0.0, 1.0, &tensor).increment(0.2, 0.7, &mut on_device);
    assert_eq!(Noise::shape(&on_device), (4, 3));
    assert_eq!(on_device.into_data().try_to_vec::<f64>().unwrap(), w.into_raw_vec_and_offset().0);
}
