//! Figures one after the other: an animated PNG, which browsers and most viewers play.

use std::path::Path;

use png::{BitDepth, ColorType, Compression, Encoder};

use super::{Figure, bitmap};
use crate::error::Error;

/// Hundredths of a second that a figure is shown.
const SHOWN: u16 = 25;

/// Writes figures of one size as an animation that starts anew at its end.
///
/// # Errors
/// If there is none, or one cannot be drawn or written.
pub fn animate(figures: &[impl Figure], path: &Path) -> Result<(), Error> {
    let fail = |e: String| Error::Plot(format!("{}: {e}", path.display()));
    let of_png = |e: png::EncodingError| fail(e.to_string());
    let (width, height) = figures.first().map(Figure::size).ok_or_else(|| fail("no figure".into()))?;
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Best);
    encoder.set_animated(figures.len() as u32, 0).map_err(of_png)?;
    encoder.set_frame_delay(SHOWN, 100).map_err(of_png)?;
    let mut writer = encoder.write_header().map_err(of_png)?;
    for figure in figures {
        writer.write_image_data(&bitmap(figure, (width, height)).map_err(fail)?).map_err(of_png)?;
    }
    writer.finish().map_err(of_png)?;
    crate::run_dir::write_atomically(path, &bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::plot::{Fields, Frame, Palette};

    #[test]
    fn every_figure_is_a_frame() {
        let figure = |k: usize| Fields {
            title: format!("t = {k}"),
            x: vec![0.0, 1.0],
            y: vec![0.0, 1.0],
            frames: vec![Frame { title: "s".into(), values: Array2::from_elem((2, 2), k as f64) }],
            palette: Palette::Sequential,
            range: Some((0.0, 4.0)),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        animate(&[figure(1), figure(2), figure(3)], &path).unwrap();
        let decoder = png::Decoder::new(std::fs::File::open(&path).unwrap());
        let mut reader = decoder.read_info().unwrap();
        assert_eq!(reader.info().animation_control().unwrap().num_frames, 3);
        let mut frames: Vec<Vec<u8>> = Vec::new();
        for _ in 0..3 {
            let mut frame = vec![0; reader.output_buffer_size()];
            reader.next_frame(&mut frame).unwrap();
            frames.push(frame);
        }
        assert!(frames[0] != frames[1] && frames[1] != frames[2]);
        assert!(animate(&[] as &[Fields], &path).is_err());
    }
}
