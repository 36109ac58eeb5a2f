//! Learned flow maps: model families, their layers and fused operations.
