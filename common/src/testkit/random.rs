//! Random numbers from a seed, the same at every run.

/// Another seed makes another run: `CHATBOX_SEED=7 cargo test ...`.
const SEED: u64 = 1;

/// Knuth's MMIX generator.
pub struct SeededRandom(u64);

impl SeededRandom {
    /// The seed is `CHATBOX_SEED`, or 1.
    pub fn from_environment() -> Self {
        let seed = std::env::var("CHATBOX_SEED").ok();
        Self::new(seed.map_or(SEED, |seed| seed.parse().unwrap()))
    }

    /// Prints the seed, so that a failed run can be repeated.
    pub fn new(seed: u64) -> Self {
        eprintln!("CHATBOX_SEED={seed}");
        Self(seed)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}
