use std::cell::RefCell;

use zeroize::Zeroize;

use crate::CryptoError;

/// Where keys, nonces and identifiers come from; a parameter so that tests can fix it.
pub trait RandomSource: Send + Sync {
    /// Fills `dest` with random bytes.
    ///
    /// # Errors
    /// [`CryptoError::Random`] when no randomness is to be had; `dest` is then unspecified.
    fn fill(&self, dest: &mut [u8]) -> Result<(), CryptoError>;
}

/// The operating system's generator (`getrandom(2)` on Linux). Each thread fetches some hundred bytes at a time, since a
/// system call per nonce takes as long as to seal with it. Bytes are wiped where they were when they are given out.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl RandomSource for OsRandom {
    fn fill(&self, dest: &mut [u8]) -> Result<(), CryptoError> {
        if dest.len() > FETCHED {
            return fetch(dest);
        }
        let given = STOCK.try_with(|stock| stock.borrow_mut().give(dest));
        // A thread that is ending has no stock any more.
        given.unwrap_or_else(|_| fetch(dest))
    }
}

/// How many bytes a thread fetches at a time.
const FETCHED: usize = 512;

thread_local! {
    static STOCK: RefCell<Stock> = const { RefCell::new(Stock { bytes: [0; FETCHED], left: 0 }) };
}

/// Random bytes that nobody has got yet: the first `left` ones.
struct Stock {
    bytes: [u8; FETCHED],
    left: usize,
}

impl Stock {
    fn give(&mut self, dest: &mut [u8]) -> Result<(), CryptoError> {
        if self.left < dest.len() {
            self.left = 0;
            fetch(&mut self.bytes)?;
            self.left = FETCHED;
        }
        let rest = self.left - dest.len();
        let given = &mut self.bytes[rest..self.left];
        dest.copy_from_slice(given);
        given.zeroize();
        self.left = rest;
        Ok(())
    }
}

impl Drop for Stock {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

fn fetch(dest: &mut [u8]) -> Result<(), CryptoError> {
    getrandom::fill(dest).map_err(|_| CryptoError::Random)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nothing_is_given_out_twice_or_kept() {
        let mut seen = HashSet::new();
        for length in (0..200).map(|n| 16 + n * 7 % 600) {
            let mut bytes = vec![0; length];
            OsRandom.fill(&mut bytes).unwrap();
            for part in bytes.chunks_exact(8) {
                assert!(seen.insert(part.to_vec()), "{length}");
            }
            STOCK.with_borrow(|stock| assert!(stock.bytes[stock.left..].iter().all(|b| *b == 0)));
        }
    }
}
