//! A counter that several threads share.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter or gauge that other threads read while it changes.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// The current value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds `more`.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Subtracts `less`; for gauges.
    pub fn subtract(&self, less: u64) {
        self.0.fetch_sub(less, Ordering::Relaxed);
    }

    /// Replaces the value.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}
