//! Boxes of elements within arrays: what of one lies in a row in another.

/// Calls `run` with the offsets and the length of every run of elements that a box has in a row in two
/// row-major arrays; `from` and `to` are the shape of each array and where the box begins in it.
pub(crate) fn runs<E>(
    from: (&[u64], &[u64]),
    to: (&[u64], &[u64]),
    count: &[u64],
    mut run: impl FnMut(u64, u64, u64) -> Result<(), E>,
) -> Result<(), E> {
    if count.contains(&0) {
        return Ok(());
    }
    // The last axes that the box fills in both arrays join into one run.
    let mut outer = count.len();
    let mut len = 1;
    while outer > 0 {
        outer -= 1;
        len *= count[outer];
        if count[outer] != from.0[outer] || count[outer] != to.0[outer] {
            break;
        }
    }
    let mut at = vec![0; outer];
    loop {
        let offset = |(shape, start): (&[u64], &[u64])| {
            shape
                .iter()
                .zip(start)
                .enumerate()
                .fold(0, |offset, (axis, (&len, &start))| {
                    offset * len + start + at.get(axis).copied().unwrap_or(0)
                })
        };
        run(offset(from), offset(to), len)?;
        if !step(&mut at, &count[..outer]) {
            return Ok(());
        }
    }
}

/// The next place in a box, the last axis fastest; `false` behind the last.
pub(crate) fn step(at: &mut [u64], count: &[u64]) -> bool {
    for (at, &count) in at.iter_mut().zip(count).rev() {
        *at += 1;
        if *at < count {
            return true;
        }
        *at = 0;
    }
    false
}

/// The number of elements of a box; `None` beyond 64 bits.
pub(crate) fn elements(count: &[u64]) -> Option<u64> {
    count
        .iter()
        .try_fold(1_u64, |product, &count| product.checked_mul(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(from: (&[u64], &[u64]), to: (&[u64], &[u64]), count: &[u64]) -> Vec<(u64, u64, u64)> {
        let mut found = Vec::new();
        runs::<()>(from, to, count, |a, b, len| {
            found.push((a, b, len));
            Ok(())
        })
        .unwrap();
        found
    }

    #[test]
    fn full_axes_join() {
        let whole = all(
            (&[4, 5, 6], &[2, 0, 0]),
            (&[1, 5, 6], &[0, 0, 0]),
            &[1, 5, 6],
        );
        assert_eq!(whole, [(60, 0, 30)]);
        let rows = all((&[4, 6], &[1, 2]), (&[2, 3], &[0, 0]), &[2, 3]);
        assert_eq!(rows, [(8, 0, 3), (14, 3, 3)]);
        assert_eq!(all((&[], &[]), (&[], &[]), &[]), [(0, 0, 1)]);
        assert_eq!(all((&[3], &[0]), (&[3], &[0]), &[0]), []);
    }
}
