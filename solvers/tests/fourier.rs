//! Transforms, derivatives, resampling, spectra.

#![allow(clippy::unwrap_used)]

use std::f64::consts::TAU;

use flowmap_solvers::fourier::{
    FourierGrid, GridError, HostDiagonal, PairTransform, energy_spectrum, resample,
};
use num_complex::Complex64;

/// A smooth field of low modes on up to three axes of lengths 2π.
fn smooth(x: &[f64]) -> f64 {
    let y = x.get(1).copied().unwrap_or(0.4);
    let z = x.get(2).copied().unwrap_or(-0.7);
    0.3 + (2.0 * x[0] + y).sin() + 0.5 * (x[0] - 3.0 * y + z).cos() + 0.2 * (2.0 * z).sin() * x[0].cos()
}

fn grids() -> Vec<FourierGrid> {
    vec![
        FourierGrid::new(&[30], &[TAU]).unwrap(),
        FourierGrid::new(&[16, 22], &[TAU; 2]).unwrap(),
        FourierGrid::new(&[14, 12, 18], &[TAU; 3]).unwrap(),
    ]
}

fn largest(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn the_transform_is_the_sum_and_its_inverse_returns() {
    for grid in grids() {
        // Not band-limited: every mode is there, Nyquist too.
        let u = grid.sample(|x| smooth(x) + (7.0 * x[0]).tan().sin());
        let mut transform = grid.transform();
        let mut u_hat = vec![Complex64::ZERO; grid.modes()];
        transform.forward(&u, &mut u_hat);
        for mode in [0, 1, 5, grid.modes() / 2, grid.modes() - 1] {
            let phase: Vec<f64> = (0..grid.axes()).map(|a| grid.frequencies(a)[mode] as f64).collect();
            let mut i = 0;
            let mut sum = Complex64::ZERO;
            grid.sample(|x| {
                let angle: f64 = x.iter().zip(&phase).map(|(x, m)| x * m).sum();
                sum += Complex64::cis(-angle) * u[i];
                i += 1;
                0.0
            });
            assert!((sum - u_hat[mode]).norm() < 1e-10, "{grid:?} {mode}");
        }
        let mut back = vec![0.0; grid.points()];
        transform.inverse(&u_hat, &mut back);
        assert!(largest(&u, &back) < 1e-13);
    }
}

#[test]
fn derivatives_are_exact_for_what_the_grid_resolves() {
    for grid in grids() {
        let u = grid.sample(smooth);
        let (mut transform, mut u_hat) = (grid.transform(), vec![Complex64::ZERO; grid.modes()]);
        transform.forward(&u, &mut u_hat);
        let mut du = vec![0.0; grid.points()];
        for axis in 0..grid.axes() {
            let hat: Vec<_> = u_hat.iter().zip(grid.derivative(axis, 1)).map(|(u, d)| u * d).collect();
            transform.inverse(&hat, &mut du);
            let e = 1e-5;
            let expected = grid.sample(|x| {
                let (mut a, mut b) = (x.to_vec(), x.to_vec());
                a[axis] += e;
                b[axis] -= e;
                (smooth(&a) - smooth(&b)) / (2.0 * e)
            });
            assert!(largest(&du, &expected) < 1e-8, "{grid:?}");
        }
    }
}

#[test]
fn odd_derivatives_of_the_nyquist_mode_vanish() {
    let grid = FourierGrid::new(&[8], &[TAU]).unwrap();
    assert_eq!(grid.derivative(0, 1)[4], Complex64::ZERO);
    assert_eq!(grid.derivative(0, 3)[4], Complex64::ZERO);
    assert!((grid.derivative(0, 2)[4].re + 16.0).abs() < 1e-12);
}

#[test]
fn a_dealiased_transform_truncates_the_last_axis() {
    let grid = FourierGrid::new(&[12, 18], &[TAU; 2]).unwrap();
    let u = grid.sample(|x| smooth(x) + (7.0 * x[1]).cos());
    let mut full = vec![Complex64::ZERO; grid.modes()];
    grid.transform().forward(&u, &mut full);
    let mut cut = full.clone();
    grid.transform().dealiased().forward(&u, &mut cut);
    for (i, m) in grid.frequencies(1).into_iter().enumerate() {
        let expected = if 3 * m < 18 { full[i] } else { Complex64::ZERO };
        assert!((cut[i] - expected).norm() < 1e-12);
    }
    let (mut a, mut b) = (vec![0.0; grid.points()], vec![0.0; grid.points()]);
    grid.transform().inverse(&cut, &mut a);
    grid.transform().dealiased().inverse(&full, &mut b);
    assert!(largest(&a, &b) < 1e-13);
}

/// The spectra of a smooth field and of its product with a wave, dealiased.
fn two_spectra(grid: &FourierGrid) -> [Vec<Complex64>; 2] {
    let mask = grid.dealias_mask();
    [grid.sample(smooth), grid.sample(|x| smooth(x) * (x[0] + 0.2).cos() + 1.0)].map(|u| {
        let mut hat = vec![Complex64::ZERO; grid.modes()];
        grid.transform().forward(&u, &mut hat);
        hat.iter_mut().zip(&mask).filter(|(_, keep)| !**keep).for_each(|(u, _)| *u = Complex64::ZERO);
        hat
    })
}

#[test]
fn a_pair_is_what_single_transforms_make_of_it() {
    let large = FourierGrid::new(&[128, 130], &[TAU; 2]).unwrap();
    for grid in grids().into_iter().chain([large]) {
        let [p_hat, q_hat] = two_spectra(&grid);
        let mut transform = grid.transform();
        let (mut p, mut q) = (vec![0.0; grid.points()], vec![0.0; grid.points()]);
        transform.inverse(&p_hat, &mut p);
        transform.inverse(&q_hat, &mut q);
        let products = [|p: f64, q: f64| p * q, |p: f64, q: f64| p - q * q];
        let [r_hat, s_hat] = products.map(|f| {
            let u: Vec<f64> = p.iter().zip(&q).map(|(p, q)| f(*p, *q)).collect();
            let mut hat = vec![Complex64::ZERO; grid.modes()];
            grid.transform().forward(&u, &mut hat);
            hat
        });
        let mut out = vec![Complex64::ONE; grid.modes()];
        PairTransform::new(&grid).evaluate(
            |modes, p, q| {
                p.copy_from_slice(&p_hat[modes.clone()]);
                q.copy_from_slice(&q_hat[modes]);
            },
            |p, q| (products[0](p, q), products[1](p, q)),
            |modes, r, s, out| {
                assert_eq!(modes.len(), out.len());
                (0..out.len()).for_each(|i| out[i] = r[i] * 2.0 + s[i] * Complex64::I);
            },
            &mut out,
        );
        for (m, keep) in grid.dealias_mask().into_iter().enumerate() {
            let expected = if keep { r_hat[m] * 2.0 + s_hat[m] * Complex64::I } else { Complex64::ZERO };
            assert!((out[m] - expected).norm() < 1e-13 * grid.points() as f64, "{grid:?} {m}");
        }
    }
}

#[test]
fn a_pair_does_not_depend_on_the_number_of_threads() {
    let grid = FourierGrid::new(&[128, 130], &[TAU; 2]).unwrap();
    let [p_hat, q_hat] = two_spectra(&grid);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut out = vec![Complex64::ZERO; grid.modes()];
            PairTransform::new(&grid).evaluate(
                |modes, p, q| {
                    p.copy_from_slice(&p_hat[modes.clone()]);
                    q.copy_from_slice(&q_hat[modes]);
                },
                |p, q| (p * q, p - q),
                |_, r, s, out| (0..out.len()).for_each(|i| out[i] = r[i] - s[i]),
                &mut out,
            );
            out
        })
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn complex_fields_return_and_their_modes_are_where_they_belong() {
    let grid = FourierGrid::complex(&[10, 12], &[TAU; 2]).unwrap();
    let wave: Vec<Complex64> = {
        let angles = grid.sample(|x| -2.0 * x[0] + 3.0 * x[1]);
        angles.into_iter().map(Complex64::cis).collect()
    };
    let mut hat = wave.clone();
    let mut transform = grid.transform();
    transform.forward_complex(&mut hat);
    for i in 0..grid.modes() {
        let here = grid.frequencies(0)[i] == -2 && grid.frequencies(1)[i] == 3;
        assert!((hat[i] - if here { 120.0 } else { 0.0 }).norm() < 1e-11);
    }
    transform.inverse_complex(&mut hat);
    assert!(hat.iter().zip(&wave).all(|(a, b)| (a - b).norm() < 1e-14));
}

#[test]
fn resampling_keeps_band_limited_fields_and_all_old_points() {
    let (coarse, fine) =
        (FourierGrid::new(&[10, 12], &[TAU; 2]).unwrap(), FourierGrid::new(&[20, 24], &[TAU; 2]).unwrap());
    let mut hat = vec![Complex64::ZERO; coarse.modes()];
    let mut finer = vec![Complex64::ZERO; fine.modes()];
    let mut u = vec![0.0; fine.points()];
    coarse.transform().forward(&coarse.sample(smooth), &mut hat);
    resample(&hat, &coarse, &fine, &mut finer);
    fine.transform().inverse(&finer, &mut u);
    assert!(largest(&u, &fine.sample(smooth)) < 1e-13);
    let mut back = vec![Complex64::ZERO; coarse.modes()];
    resample(&finer, &fine, &coarse, &mut back);
    assert!(hat.iter().zip(&back).all(|(a, b)| (a - b).norm() < 1e-11));

    // With Nyquist content the field still passes through the old points.
    let rough =
        coarse.sample(|x| smooth(x) + 0.3 * (5.0 * x[0]).cos() * (6.0 * x[1]).cos() + (5.0 * x[0]).cos());
    coarse.transform().forward(&rough, &mut hat);
    resample(&hat, &coarse, &fine, &mut finer);
    fine.transform().inverse(&finer, &mut u);
    for i in 0..10 {
        for j in 0..12 {
            assert!((u[2 * i * 24 + 2 * j] - rough[i * 12 + j]).abs() < 1e-12);
        }
    }
}

#[test]
fn the_spectrum_sums_to_the_mean_square() {
    for grid in grids() {
        let u = grid.sample(|x| smooth(x) + (7.0 * x[0]).tan().sin());
        let mut hat = vec![Complex64::ZERO; grid.modes()];
        grid.transform().forward(&u, &mut hat);
        let sum: f64 = energy_spectrum(&hat, &grid).iter().sum();
        let mean = u.iter().map(|u| u * u).sum::<f64>() / u.len() as f64;
        assert!((sum / mean - 1.0).abs() < 1e-12);
    }
}

#[test]
fn bad_grids_are_refused() {
    assert_eq!(FourierGrid::new(&[7], &[1.0]).unwrap_err(), GridError::Points { axis: 0, points: 7 });
    assert!(matches!(FourierGrid::new(&[8, 8], &[1.0, -1.0]), Err(GridError::Length { axis: 1, .. })));
    assert!(matches!(FourierGrid::new(&[8; 4], &[1.0; 4]), Err(GridError::Axes { .. })));
}

#[test]
fn a_sum_on_runs_of_modes_is_the_sum_there_and_zero_elsewhere() {
    // More modes than one task takes, with runs that lie across two tasks, and both kinds of diagonals.
    let n = 40_000;
    let wave = |a: f64| (0..n).map(|i| Complex64::cis(a * i as f64)).collect::<Vec<_>>();
    let real = HostDiagonal::new(wave(0.3).into_iter().map(|z| z.re.into()).collect());
    let complex = HostDiagonal::new(wave(0.7));
    let (x, y) = (wave(0.1), wave(0.2));
    let runs = [0..3, 7..4000, 4095..4097, 20_000..33_000];
    for terms in
        [[(&real, &x[..]), (&real, &y)], [(&real, &x), (&complex, &y)], [(&complex, &x), (&complex, &y)]]
    {
        let (mut all, mut some) = (vec![Complex64::ZERO; n], vec![Complex64::ONE; n]);
        HostDiagonal::apply(&terms, &mut all);
        HostDiagonal::apply_on(&runs, &terms, &mut some);
        for i in 0..n {
            let expected = if runs.iter().any(|run| run.contains(&i)) { all[i] } else { Complex64::ZERO };
            assert_eq!(some[i], expected, "{i}");
        }
    }
}
