//! Dataspaces: how many elements there are along each axis.

use crate::cursor::{Cursor, UNDEFINED};
use crate::error::Result;

/// No program writes more axes.
const MOST_AXES: u8 = 32;

/// The extent of a dataset or an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataspace {
    /// Elements along each axis, the slowest first; none for a scalar.
    pub shape: Vec<u64>,
    /// To how many each axis may grow; `None` without limit.
    pub max_shape: Vec<Option<u64>>,
    /// Whether there is no element at all, not even a scalar.
    pub is_null: bool,
}

impl Dataspace {
    /// The number of elements; `None` beyond 64 bits.
    pub fn elements(&self) -> Option<u64> {
        if self.is_null {
            return Some(0);
        }
        self.shape
            .iter()
            .try_fold(1_u64, |product, &count| product.checked_mul(count))
    }

    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let version = cursor.version(1..=2)?;
        let rank = cursor.u8()?;
        let flags = cursor.u8()?;
        if rank > MOST_AXES {
            return Err(cursor.malformed(format!("at most {MOST_AXES} axes"), rank));
        }
        let mut is_null = false;
        if version == 1 {
            cursor.skip(5)?;
        } else {
            is_null = cursor.u8()? == 2;
        }
        let shape: Vec<u64> = (0..rank).map(|_| cursor.length()).collect::<Result<_>>()?;
        if shape.contains(&UNDEFINED) {
            return Err(cursor.malformed("finite axes", "one without limit"));
        }
        let max_shape = if flags & 1 == 0 {
            shape.iter().copied().map(Some).collect()
        } else {
            let limit = |most| (most != UNDEFINED).then_some(most);
            (0..rank)
                .map(|_| cursor.length().map(limit))
                .collect::<Result<_>>()?
        };
        Ok(Self {
            shape,
            max_shape,
            is_null,
        })
    }
}
