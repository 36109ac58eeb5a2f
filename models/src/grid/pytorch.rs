//! Where the weights of public PyTorch checkpoints belong.

use super::GridNetworkConfig;

/// Patterns of keys, and what becomes of them.
type Keys = &'static [(&'static str, &'static str)];

/// What trainers put before the names of a network.
const PREFIX: (&str, &str) = (r"^(?:state_dict\.)?(?:(?:model|module|net)\.)*", "network.");

/// Of SineNet (X. Zhang et al., ICLR 2024): `down.WAVE.LEVEL`, `up.WAVE.LEVEL` with one block each.
const SINENET: Keys = &[
    PREFIX,
    (r"^network\.image_proj\.", "network.lift."),
    (r"^network\.final\.", "network.project."),
    (r"^network\.(down|up)\.(\d+)\.(\d+)\.", "network.waves.$2.$1.$3."),
    (r"\.conv\.0\.conv1\.", ".block.first."),
    (r"\.conv\.0\.conv2\.", ".block.second."),
    (r"\.conv\.0\.norm1\.weight$", ".block.first_norm.scale"),
    (r"\.conv\.0\.norm1\.bias$", ".block.first_norm.shift"),
    (r"\.conv\.0\.norm2\.weight$", ".block.second_norm.scale"),
    (r"\.conv\.0\.norm2\.bias$", ".block.second_norm.shift"),
];

/// Of the modern U-Net (J. Gupta, J. Brandstetter, TMLR 2023): stages in one list, `res` and `conv` inside.
const MODERN_U_NET: Keys = &[
    PREFIX,
    (r"^network\.image_proj\.", "network.lift."),
    (r"^network\.final\.", "network.project."),
    (r"^network\.norm\.weight$", "network.norm.scale"),
    (r"^network\.norm\.bias$", "network.norm.shift"),
    (r"^network\.middle\.res1\.", "network.middle.0."),
    (r"^network\.middle\.res2\.", "network.middle.1."),
    (r"^network\.(down|up)\.(\d+)\.(?:res|conv)\.", "network.$1.$2."),
    (r"\.conv1\.", ".first."),
    (r"\.conv2\.", ".second."),
    (r"\.norm1\.weight$", ".first_norm.scale"),
    (r"\.norm1\.bias$", ".first_norm.shift"),
    (r"\.norm2\.weight$", ".second_norm.scale"),
    (r"\.norm2\.bias$", ".second_norm.shift"),
];

impl GridNetworkConfig {
    /// How the keys of the network's public PyTorch checkpoints become those of a [`GridSurrogate`](super::GridSurrogate): patterns to be
    /// applied one after the other; none if no such checkpoint is known.
    pub fn pytorch_keys(&self) -> Option<Keys> {
        match self {
            Self::Sinenet(_) => Some(SINENET),
            Self::ModernUNet(_) => Some(MODERN_U_NET),
            _ => None,
        }
    }
}
