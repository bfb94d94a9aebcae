//! Sources of random bytes.

use std::sync::atomic::{AtomicUsize, Ordering};

use zeroize::Zeroizing;

use crate::error::CryptoError;

/// A source of random bytes for keys, nonces and identifiers. Tests pass a fixed source.
pub trait RandomSource: Send + Sync {
    /// Fills `dest` with random bytes.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if the source returns no bytes. The content of `dest` is then
    /// unspecified.
    fn fill(&self, dest: &mut [u8]) -> Result<(), CryptoError>;
}

/// The operating system's generator (on Linux, `getrandom(2)`).
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl RandomSource for OsRandom {
    fn fill(&self, dest: &mut [u8]) -> Result<(), CryptoError> {
        getrandom::fill(dest).map_err(|_| CryptoError::Random)
    }
}

/// The random bytes of one operation, taken from another source with one call. Each byte is used
/// once; after `N` bytes the other source is asked again. The bytes are wiped on drop.
pub struct Drawn<'a, const N: usize> {
    source: &'a dyn RandomSource,
    // Boxed so that a move leaves no copy behind.
    bytes: Box<Zeroizing<[u8; N]>>,
    used: AtomicUsize,
}

impl<'a, const N: usize> Drawn<'a, N> {
    /// Takes `N` bytes from `source`.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if the source returns no bytes.
    pub fn from(source: &'a dyn RandomSource) -> Result<Self, CryptoError> {
        let mut bytes = Box::new(Zeroizing::new([0; N]));
        source.fill(bytes.as_mut_slice())?;
        let used = AtomicUsize::new(0);
        Ok(Self {
            source,
            bytes,
            used,
        })
    }
}

impl<const N: usize> RandomSource for Drawn<'_, N> {
    fn fill(&self, dest: &mut [u8]) -> Result<(), CryptoError> {
        let start = self.used.fetch_add(dest.len(), Ordering::Relaxed);
        match self.bytes.get(start..start.saturating_add(dest.len())) {
            Some(bytes) => dest.copy_from_slice(bytes),
            None => self.source.fill(dest)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts its calls, and fills with the number of the call.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl RandomSource for Counting {
        fn fill(&self, dest: &mut [u8]) -> Result<(), CryptoError> {
            let call = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            dest.fill(u8::try_from(call).unwrap());
            Ok(())
        }
    }

    #[test]
    fn drawn_bytes_are_used_once() {
        let drawn = Drawn::<64>::from(&OsRandom).unwrap();
        let (mut first, mut second) = ([0; 32], [0; 32]);
        drawn.fill(&mut first).unwrap();
        drawn.fill(&mut second).unwrap();
        assert_ne!(first, second);
        assert_eq!(
            [first, second].concat(),
            drawn.bytes.as_slice(),
            "all 64 bytes, in their order"
        );
    }

    #[test]
    fn what_was_not_drawn_comes_from_the_source() {
        let source = Counting::default();
        let drawn = Drawn::<40>::from(&source).unwrap();
        let mut bytes = [0; 32];
        drawn.fill(&mut bytes).unwrap();
        assert_eq!(bytes, [1; 32]);
        drawn.fill(&mut bytes).unwrap();
        assert_eq!(bytes, [2; 32]);
        let mut last = [0; 8];
        drawn.fill(&mut last).unwrap();
        assert_eq!(last, [3; 8]);
    }
}
