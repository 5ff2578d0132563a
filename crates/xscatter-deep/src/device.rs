//! Where networks are trained and run.
//!
//! The device is always named: nothing in this crate asks burn for its default device, which would
//! be a GPU as soon as any crate of the program enables one. [`cpu`] is burn's pure-Rust backend
//! Flex and is always there; [`cuda`] needs the feature `cuda` or `cuda-nvrtc`, a driver and a GPU.

pub use burn::tensor::Device;

/// Why a device could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The program was built without CUDA.
    #[error(
        "CUDA device {index}: this program was built without CUDA; \
         build xscatter-deep with the feature `cuda` or `cuda-nvrtc`"
    )]
    CudaNotBuilt {
        /// The device that was asked for.
        index: usize,
    },
    /// The driver shows no such GPU.
    #[error(
        "CUDA device {index}: found {found} CUDA devices through the driver library libcuda \
         (looked for on the library path of the system)"
    )]
    NoCudaDevice {
        /// The device that was asked for.
        index: usize,
        /// How many there are.
        found: usize,
    },
}

impl From<DeviceError> for xscatter_core::Error {
    fn from(error: DeviceError) -> Self {
        Self::new(xscatter_core::ErrorKind::Unsupported, error.to_string())
    }
}

/// The CPU, through burn's backend Flex; it uses the threads of the current rayon pool.
pub fn cpu() -> Device {
    Device::flex()
}

/// The CUDA GPU with this index, from 0.
///
/// # Errors
/// [`DeviceError`] if the crate was built without CUDA or the driver shows no such GPU.
#[cfg(feature = "cuda")]
pub fn cuda(index: usize) -> Result<Device, DeviceError> {
    // Without a driver library the list is empty; nothing is initialised by asking.
    let devices = Device::enumerate(burn::tensor::DeviceType::Cuda).into_vec();
    let found = devices.len();
    devices
        .into_iter()
        .nth(index)
        .ok_or(DeviceError::NoCudaDevice { index, found })
}

/// The CUDA GPU with this index, from 0.
///
/// # Errors
/// [`DeviceError::CudaNotBuilt`]: this build has no CUDA.
#[cfg(not(feature = "cuda"))]
pub fn cuda(index: usize) -> Result<Device, DeviceError> {
    Err(DeviceError::CudaNotBuilt { index })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn a_build_without_cuda_says_which_feature_is_missing() {
        let error = cuda(0).unwrap_err();
        assert_eq!(error, DeviceError::CudaNotBuilt { index: 0 });
        assert!(error.to_string().contains("feature `cuda`"));
    }

    #[test]
    fn the_cpu_does_not_record_gradients_unless_asked() {
        assert!(!cpu().is_autodiff());
        assert!(cpu().autodiff().is_autodiff());
    }
}
