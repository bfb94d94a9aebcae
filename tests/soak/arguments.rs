use std::time::Duration;

const USAGE: &str = "make soak ARGS=\"[--seconds N] [--seed N]\": \
     duration in seconds (600), and seed of the random choices";

/// The arguments of the soak.
pub(crate) struct Arguments {
    pub(crate) length: Duration,
    pub(crate) seed: u64,
}

impl Arguments {
    pub(crate) fn read() -> Self {
        let mut read = Self {
            length: Duration::from_secs(600),
            seed: fastrand::u64(..),
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let number = words.next().and_then(|number| number.parse().ok());
            match (word.as_str(), number) {
                ("--seconds", Some(seconds)) => read.length = Duration::from_secs(seconds),
                ("--seed", Some(seed)) => read.seed = seed,
                _ => panic!("{USAGE}"),
            }
        }
        read
    }
}
