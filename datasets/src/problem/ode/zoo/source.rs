//! Where the exponents are published.

pub(super) const SPROTT_1994: &str = "J. C. Sprott, Phys. Rev. E 50 (1994) R647-R650, table I";

pub(super) const SPROTT_2003: &str = "J. C. Sprott, Chaos and Time-Series Analysis, Oxford 2003, appendix A";

/// The largest exponent that comes with each system there.
pub(super) const DYSTS: &str =
    "W. Gilpin, NeurIPS Datasets and Benchmarks 2021 (dysts): maximum_lyapunov_estimated";

/// The first of the spectrum there, where it and the exponent above differ by far.
pub(super) const DYSTS_SPECTRUM: &str =
    "W. Gilpin, NeurIPS Datasets and Benchmarks 2021 (dysts): lyapunov_spectrum_estimated";

pub(super) const TIGAN: &str = "G. Tigan, D. Opriș, Chaos, Solitons and Fractals 36 (2008) 1315-1319";

pub(super) const LIU: &str =
    "C. Liu, T. Liu, L. Liu, K. Liu, Chaos, Solitons and Fractals 22 (2004) 1031-1038";

/// There in bits.
pub(super) const WOLF: &str =
    "A. Wolf, J. B. Swift, H. L. Swinney, J. A. Vastano, Physica D 16 (1985) 285-317";
