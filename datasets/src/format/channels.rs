//! What channels are called in files, and what Flowmap calls them.
//!
//! Where a channel follows others, `u`, `v` and `w` are a velocity; alone, as two concentrations are, they are what they are.

use std::ops::Range;

/// The components of a velocity.
const VELOCITY: [&str; 3] = ["u", "v", "w"];

/// Flowmap's names of a velocity's components and of quantities of a flow, with those of others.
const NAMES: [(&str, &[&str]); 6] = [
    ("u", &["vx", "velocity_x"]),
    ("v", &["vy", "velocity_y"]),
    ("w", &["vz", "velocity_z"]),
    ("rho", &["density", "d", "rho"]),
    ("p", &["pressure", "p"]),
    ("s", &["u", "tracer", "smoke", "s"]),
];

/// Flowmap's names of the channels of a file; what is not known keeps its own.
pub fn own(names: &[String]) -> Vec<String> {
    let flows = names.iter().any(|n| NAMES[0].1.contains(&n.to_lowercase().as_str()));
    let known = |name: &String| {
        let lower = name.to_lowercase();
        let found = NAMES.iter().find(|(_, others)| flows && others.contains(&lower.as_str()));
        found.map_or_else(|| name.clone(), |(own, _)| (*own).to_owned())
    };
    names.iter().map(known).collect()
}

/// The place of a channel among those of a file that tells no order: density, pressure, other scalars, the velocity.
pub(super) fn order(name: &str) -> usize {
    match name.to_lowercase().as_str() {
        "density" | "rho" | "d" => 0,
        "pressure" | "p" => 1,
        "vx" | "vy" | "vz" => 3,
        _ => 2,
    }
}

/// Which of Flowmap's channels are a velocity.
pub(super) fn velocity(names: &[String]) -> Option<Range<usize>> {
    let first = names.iter().position(|n| n == VELOCITY[0]).filter(|first| *first > 0)?;
    let is = |(name, component): (&String, &&str)| name == component;
    let whole = names[first..].iter().zip(&VELOCITY).all(is) && names.len() - first <= VELOCITY.len();
    (whole && names.len() > first + 1).then_some(first..names.len())
}
