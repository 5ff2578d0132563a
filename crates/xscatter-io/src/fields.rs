//! Binary headers: numbers and texts at fixed places, in either byte order.

use crate::header;
use crate::pixels::ByteOrder;

/// A binary header; what lies beyond its end is absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) order: ByteOrder,
}

macro_rules! number {
    ($name:ident, $type:ty) => {
        pub(crate) fn $name(&self, at: usize) -> Option<$type> {
            let (bytes, _) = self.bytes.get(at..)?.split_first_chunk()?;
            Some(match self.order {
                ByteOrder::Little => <$type>::from_le_bytes(*bytes),
                ByteOrder::Big => <$type>::from_be_bytes(*bytes),
            })
        }
    };
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8], order: ByteOrder) -> Self {
        Self { bytes, order }
    }

    /// The fields from `at` on, with places counted from there.
    pub(crate) fn from(&self, at: usize) -> Self {
        let bytes = self.bytes.get(at..).unwrap_or_default();
        Self { bytes, ..*self }
    }

    number!(u16, u16);
    number!(i32, i32);
    number!(u32, u32);
    number!(f32, f32);
    number!(f64, f64);

    /// A text of at most `len` bytes, up to its first NUL; `None` if nothing is left of it.
    pub(crate) fn text(&self, at: usize, len: usize) -> Option<String> {
        let field = self.bytes.get(at..)?;
        let field = &field[..len.min(field.len())];
        let end = field.iter().position(|&byte| byte == 0);
        let text = header::value(&String::from_utf8_lossy(
            &field[..end.unwrap_or(field.len())],
        ));
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_and_the_end() {
        let bytes = [0, 0, 1, 2, b'a', b' ', 0, b'x'];
        let little = Fields::new(&bytes, ByteOrder::Little);
        let big = Fields::new(&bytes, ByteOrder::Big);
        assert_eq!(
            (little.i32(0), big.i32(0)),
            (Some(0x0201_0000), Some(0x0102))
        );
        assert_eq!(
            (big.u16(2), big.from(2).u16(0)),
            (Some(0x0102), Some(0x0102))
        );
        assert_eq!((big.f64(0).is_some(), big.f64(1)), (true, None));
        assert_eq!(big.text(4, 4).as_deref(), Some("a"));
        assert_eq!((big.text(6, 2), big.text(99, 2)), (None, None));
        assert_eq!(big.from(99).u16(0), None);
    }
}
