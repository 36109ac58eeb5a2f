//! Where tensors live.

use burn::tensor::Device;
use clap::ValueEnum;

use crate::error::Error;

/// A backend by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DeviceName {
    /// The first GPU that this build supports, else the CPU.
    #[default]
    Auto,
    /// The CPU, by Burn's Flex backend.
    Flex,
    /// The CPU, by Burn's older ndarray backend.
    Ndarray,
    /// A GPU by WebGPU.
    Wgpu,
    /// A GPU by Vulkan.
    Vulkan,
    /// An NVIDIA GPU.
    Cuda,
}

impl DeviceName {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Flex => "flex",
            Self::Ndarray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Vulkan => "vulkan",
            Self::Cuda => "cuda",
        }
    }

    /// The device, and its name once `auto` is resolved.
    ///
    /// # Errors
    /// If the backend is not compiled in.
    pub fn open(self) -> Result<(Device, &'static str), Error> {
        match self {
            Self::Flex => Ok((Device::flex(), "flex")),
            #[cfg(feature = "cuda")]
            Self::Cuda | Self::Auto => Ok((Device::cuda(0), "cuda")),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Ok((Device::wgpu(burn::tensor::DeviceKind::DefaultDevice), "wgpu")),
            #[cfg(all(feature = "wgpu", not(feature = "cuda")))]
            Self::Auto => Ok((Device::wgpu(burn::tensor::DeviceKind::DefaultDevice), "wgpu")),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => Ok((Device::vulkan(burn::tensor::DeviceKind::DefaultDevice), "vulkan")),
            #[cfg(feature = "ndarray")]
            Self::Ndarray => Ok((Device::ndarray(), "ndarray")),
            #[cfg(not(any(feature = "cuda", feature = "wgpu")))]
            Self::Auto => Ok((Device::flex(), "flex")),
            #[allow(unreachable_patterns)]
            other => Err(Error::Usage {
                message: format!("the backend '{0}' is not compiled into this binary", other.name()),
                hint: format!("build it with `cargo run --features {} --bin experiment -- …`", other.name()),
            }),
        }
    }
}
