//! Small-angle patterns in transmission that carry many tags.

use serde::{Deserialize, Serialize};

use super::{Sample, View, saxs};
use crate::draw;
use crate::simulation::SimError;

/// Small-angle patterns in transmission that carry many tags.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TagScene {}

impl TagScene {
    pub(crate) fn check(&self) -> Result<(), SimError> {
        Ok(())
    }

    pub(crate) fn sample(&self, view: &View, seed: u64) -> Sample {
        let mut rng = draw::generator(seed);
        Sample::Transmission(vec![saxs::draw(view, &mut rng)])
    }
}
