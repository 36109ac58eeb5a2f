//! Fields in the XML formats of VTK, which ParaView opens: `.vti` on even grids, `.vtu` on cells, `.pvd` for their times.

use std::fmt::Write as _;

use crate::error::Error;
use crate::run_dir::RunDir;

/// Numbers at points, one or several for each, those of a point one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// The name.
    pub name: &'a str,
    /// Numbers of a point.
    pub components: usize,
    /// The numbers.
    pub values: &'a [f64],
}

/// An even grid in one to three dimensions; its first axis runs fastest.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Points of each axis.
    pub shape: [usize; 3],
    /// The first point.
    pub origin: [f64; 3],
    /// The distance between points.
    pub spacing: [f64; 3],
}

const HEAD: &str = "<?xml version=\"1.0\"?>\n";

/// The text of a `.vti` file.
pub fn image(grid: &Grid, fields: &[Field<'_>]) -> String {
    let [nx, ny, nz] = grid.shape.map(|n| n.saturating_sub(1));
    let extent = format!("0 {nx} 0 {ny} 0 {nz}");
    let triple = |v: [f64; 3]| format!("{} {} {}", v[0], v[1], v[2]);
    format!(
        "{HEAD}<VTKFile type=\"ImageData\" version=\"1.0\" byte_order=\"LittleEndian\">\n\
         <ImageData WholeExtent=\"{extent}\" Origin=\"{}\" Spacing=\"{}\">\n<Piece Extent=\"{extent}\">\n{}\
         </Piece>\n</ImageData>\n</VTKFile>\n",
        triple(grid.origin),
        triple(grid.spacing),
        point_data(fields)
    )
}

/// The text of a `.vtu` file: points in space, and cells of four (quadrilaterals) or eight (hexahedra) of them.
pub fn mesh(points: &[[f64; 3]], cells: &[Vec<usize>], fields: &[Field<'_>]) -> String {
    let flat: Vec<f64> = points.iter().flatten().copied().collect();
    let mut offset = 0;
    let (mut offsets, mut types, mut connectivity) = (String::new(), String::new(), String::new());
    for cell in cells {
        offset += cell.len();
        let _ = write!(offsets, "{offset} ");
        let _ = write!(types, "{} ", if cell.len() == 8 { 12 } else { 9 });
        for node in cell {
            let _ = write!(connectivity, "{node} ");
        }
    }
    let integers = |name: &str, kind: &str, text: &str| {
        format!("<DataArray type=\"{kind}\" Name=\"{name}\" format=\"ascii\">\n{text}\n</DataArray>\n")
    };
    format!(
        "{HEAD}<VTKFile type=\"UnstructuredGrid\" version=\"1.0\" byte_order=\"LittleEndian\">\n<UnstructuredGrid>\n\
         <Piece NumberOfPoints=\"{}\" NumberOfCells=\"{}\">\n{}<Points>\n{}</Points>\n<Cells>\n{}{}{}</Cells>\n\
         </Piece>\n</UnstructuredGrid>\n</VTKFile>\n",
        points.len(),
        cells.len(),
        point_data(fields),
        array(&Field { name: "points", components: 3, values: &flat }),
        integers("connectivity", "Int64", &connectivity),
        integers("offsets", "Int64", &offsets),
        integers("types", "UInt8", &types),
    )
}

/// Writes files of one series, `fields/STEM-INDEX.EXTENSION`, and `fields/STEM.pvd` with their times.
///
/// # Errors
/// If a file cannot be written.
pub fn write_series(run: &RunDir, stem: &str, extension: &str, files: &[(f64, String)]) -> Result<(), Error> {
    let folder = run.join("fields");
    std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let mut sets = String::new();
    for (i, (t, text)) in files.iter().enumerate() {
        let name = format!("{stem}-{i:04}.{extension}");
        run.write(&format!("fields/{name}"), text.as_bytes())?;
        let _ = writeln!(sets, "<DataSet timestep=\"{t}\" file=\"{name}\"/>");
    }
    let text = format!(
        "{HEAD}<VTKFile type=\"Collection\" version=\"1.0\" byte_order=\"LittleEndian\">\n<Collection>\n{sets}</Collection>\n</VTKFile>\n"
    );
    run.write(&format!("fields/{stem}.pvd"), text.as_bytes())
}

fn point_data(fields: &[Field<'_>]) -> String {
    let arrays: String = fields.iter().map(array).collect();
    format!("<PointData>\n{arrays}</PointData>\n")
}

fn array(field: &Field<'_>) -> String {
    let mut text = format!(
        "<DataArray type=\"Float64\" Name=\"{}\" NumberOfComponents=\"{}\" format=\"ascii\">\n",
        field.name, field.components
    );
    for (i, v) in field.values.iter().enumerate() {
        let end = if (i + 1) % field.components.max(1) == 0 { '\n' } else { ' ' };
        // VTK reads no other word for a number that is none.
        let _ = if v.is_nan() { write!(text, "nan{end}") } else { write!(text, "{v:e}{end}") };
    }
    text.push_str("</DataArray>\n");
    text
}
