//! Files of fields: what they say must be what was given.

#![allow(clippy::unwrap_used)]

use flowmap_experiments::vtk::{Field, Grid, image, mesh};

/// The numbers of an array by its name.
fn numbers(text: &str, name: &str) -> Vec<f64> {
    let start = text.find(&format!("Name=\"{name}\"")).unwrap();
    let body = &text[start..];
    let body = &body[body.find('>').unwrap() + 1..body.find("</DataArray>").unwrap()];
    body.split_whitespace().map(|n| n.parse().unwrap()).collect()
}

#[test]
fn an_image_has_its_extent_and_its_numbers_to_the_bit() {
    let grid = Grid { shape: [3, 2, 1], origin: [-1.0, 0.5, 0.0], spacing: [0.1, 0.25, 1.0] };
    let scalar: Vec<f64> = (0..6).map(|i| f64::from(i).sin() / 3.0).collect();
    let vector: Vec<f64> = (0..18).map(|i| f64::from(i).cos() * 1e-9).collect();
    let fields = [
        Field { name: "vorticity", components: 1, values: &scalar },
        Field { name: "velocity", components: 3, values: &vector },
    ];
    let text = image(&grid, &fields);
    assert!(text.contains("WholeExtent=\"0 2 0 1 0 0\" Origin=\"-1 0.5 0\" Spacing=\"0.1 0.25 1\""));
    assert_eq!(numbers(&text, "vorticity"), scalar);
    assert_eq!(numbers(&text, "velocity"), vector);
    assert_eq!(text.matches("<DataArray").count(), text.matches("</DataArray>").count());
}

#[test]
fn a_mesh_has_its_cells() {
    let points = [
        [0.0, 0.0, 0.0],
        [1.0, 0.0, 0.0],
        [1.0, 1.0, 0.0],
        [0.0, 1.0, 0.0],
        [2.0, 0.0, 0.5],
        [2.0, 1.0, 0.5],
    ];
    let cells = [vec![0, 1, 2, 3], vec![1, 4, 5, 2]];
    let values = [1.0, f64::NAN, 3.0, 4.0, 5.0, 6.0];
    let text = mesh(&points, &cells, &[Field { name: "u", components: 1, values: &values }]);
    assert!(text.contains("NumberOfPoints=\"6\" NumberOfCells=\"2\""));
    assert_eq!(numbers(&text, "points"), points.concat());
    assert_eq!(numbers(&text, "connectivity"), [0.0, 1.0, 2.0, 3.0, 1.0, 4.0, 5.0, 2.0]);
    assert_eq!(numbers(&text, "offsets"), [4.0, 8.0]);
    assert_eq!(numbers(&text, "types"), [9.0, 9.0]);
    let u = numbers(&text, "u");
    assert!(u[1].is_nan() && u[0] == 1.0 && u[5] == 6.0);
}
