//! Staggered grids between walls: transform, interpolation, projection.

#![allow(clippy::unwrap_used)]

use std::f64::consts::PI;

use flowmap_solvers::staggered::{Beyond, CosineTransform, Lattice, Projection, StaggeredGrid};

fn wave(count: usize) -> Vec<f64> {
    (0..count).map(|i| (0.7 * (i + 1) as f64).sin() + 0.1 * ((i * i) as f64).cos()).collect()
}

#[test]
fn the_cosine_transform_is_its_definition_and_has_an_inverse() {
    for [nx, ny] in [[4, 6], [5, 7], [8, 1], [1, 9]] {
        let x = wave(nx * ny);
        let mut y = x.clone();
        let mut transform = CosineTransform::new([nx, ny]);
        transform.forward(&mut y);
        for k in 0..nx {
            for l in 0..ny {
                let mut sum = 0.0;
                for i in 0..nx {
                    for j in 0..ny {
                        let a = PI * ((2 * i + 1) * k) as f64 / (2 * nx) as f64;
                        let b = PI * ((2 * j + 1) * l) as f64 / (2 * ny) as f64;
                        sum += x[i * ny + j] * a.cos() * b.cos();
                    }
                }
                assert!((sum - y[k * ny + l]).abs() < 1e-12, "{nx}, {ny}: {k}, {l}");
            }
        }
        transform.inverse(&mut y);
        assert!(x.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-13));
    }
}

#[test]
fn a_projection_leaves_no_divergence_and_takes_whole_gradients_away() {
    for (cells, lengths) in [([8, 12], [2.0, 1.0]), ([64, 64], [32.0, 32.0]), ([7, 5], [1.0, 3.0])] {
        let grid = StaggeredGrid::new(cells, lengths);
        let mut projection = Projection::new(grid);
        let mut w = wave(grid.faces());
        projection.apply(&mut w);
        let mut divergence = vec![0.0; grid.points()];
        grid.divergence(&w, &mut divergence);
        let scale = 1.0 / grid.spacing()[0].min(grid.spacing()[1]);
        assert!(divergence.iter().all(|d| d.abs() < 1e-13 * scale), "{cells:?}");
        assert!(w.iter().any(|w| w.abs() > 0.1));
        let (once, [_, ny]) = (w.clone(), cells);
        projection.apply(&mut w);
        assert!(once.iter().zip(&w).all(|(a, b)| (a - b).abs() < 1e-13), "twice is once");
        // No flow through the walls.
        let (u, v) = w.split_at(grid.first_faces());
        assert!(u[..ny].iter().chain(&u[cells[0] * ny..]).all(|u| *u == 0.0));
        assert!(v.chunks_exact(ny + 1).all(|row| row[0] == 0.0 && row[ny] == 0.0));
        // A gradient on the inner faces.
        let p = wave(grid.points());
        let mut w = vec![0.0; grid.faces()];
        let (u, v) = w.split_at_mut(grid.first_faces());
        for at in ny..cells[0] * ny {
            u[at] = (p[at] - p[at - ny]) / grid.spacing()[0];
        }
        for i in 0..cells[0] {
            for j in 1..ny {
                v[i * (ny + 1) + j] = (p[i * ny + j] - p[i * ny + j - 1]) / grid.spacing()[1];
            }
        }
        projection.apply(&mut w);
        assert!(w.iter().all(|w| w.abs() < 1e-12 * scale), "{cells:?}");
    }
}

#[test]
fn values_between_points_are_exact_for_their_polynomials_and_never_new_extrema() {
    let lattice = |beyond| Lattice { shape: [9, 8], first: [0.5, 0.0], beyond };
    let sample = |f: fn(f64, f64) -> f64| -> Vec<f64> {
        lattice(Beyond::Zero).places().map(|[x, y]| f(x, y)).collect()
    };
    let place = [4.3, 3.6];
    let bilinear = sample(|x, y| 1.0 + 2.0 * x - y + 0.5 * x * y);
    let value = lattice(Beyond::Zero).linear(&bilinear, place);
    assert!((value - (1.0 + 8.6 - 3.6 + 0.5 * 4.3 * 3.6)).abs() < 1e-13);
    // Monotone around the place, so that nothing is limited.
    let square = sample(|x, y| x * x + y * y + x * y);
    let value = lattice(Beyond::Zero).cubic(&square, place);
    assert!((value - (4.3 * 4.3 + 3.6 * 3.6 + 4.3 * 3.6)).abs() < 1e-12, "{value}");
    let spike = sample(|x, y| f64::from(u8::from(x == 4.5 && y == 4.0)));
    for k in 0..200 {
        let place = [4.5 + 3.0 * (0.37 * f64::from(k)).sin(), 4.0 + 3.0 * (0.73 * f64::from(k)).cos()];
        let value = lattice(Beyond::Zero).cubic(&spike, place);
        assert!((0.0..=1.0).contains(&value), "{place:?}: {value}");
    }
    let ones = vec![1.0; 72];
    let outside = [-0.25, 3.0];
    assert!((lattice(Beyond::Zero).linear(&ones, outside) - 0.25).abs() < 1e-15);
    assert_eq!(lattice(Beyond::Nearest).linear(&ones, outside), 1.0);
    assert_eq!(lattice(Beyond::Nearest).cubic(&ones, [1e9, -1e9]), 1.0);
    assert_eq!(lattice(Beyond::Zero).linear(&ones, [1e300, -1e300]), 0.0);
    // A place that is none is not hidden.
    assert!(lattice(Beyond::Zero).linear(&ones, [3.0, f64::NAN]).is_nan());
}

#[test]
fn velocities_go_to_cells_and_back() {
    let grid = StaggeredGrid::new([6, 5], [1.0, 1.0]);
    let faces: Vec<f64> = [0, 1]
        .into_iter()
        .flat_map(|axis| {
            grid.component(axis).places().map(move |p| 2.0 * p[axis] + p[1 - axis]).collect::<Vec<_>>()
        })
        .collect();
    let centred = grid.centred(&faces);
    let places: Vec<_> = grid.scalars().places().collect();
    for (axis, component) in centred.chunks_exact(grid.points()).enumerate() {
        for (value, p) in component.iter().zip(&places) {
            assert!((value - 2.0 * p[axis] - p[1 - axis]).abs() < 1e-13);
        }
    }
    let back = grid.on_faces(&centred);
    let [nx, ny] = grid.cells();
    let first = grid.first_faces();
    for at in ny..nx * ny {
        assert!((back[at] - faces[at]).abs() < 1e-13);
    }
    for (row, old) in back[first..].chunks_exact(ny + 1).zip(faces[first..].chunks_exact(ny + 1)) {
        assert!(row[1..ny].iter().zip(&old[1..ny]).all(|(a, b)| (a - b).abs() < 1e-13));
        assert!(row[0] == 0.0 && row[ny] == 0.0, "walls");
    }
}
