//! All chance of a history, from one seed.

/// Numbers that look random and are the same for the same seed, on every machine.
#[derive(Debug)]
pub(super) struct Dice(fastrand::Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// From 0 to below this.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        self.0.u32(..limit.max(1))
    }

    /// The index of one of so many, at least one.
    pub(super) fn index(&mut self, count: usize) -> usize {
        self.0.usize(..count)
    }

    /// Whether the one case of so many occurs.
    pub(super) fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }

    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        self.0.shuffle(all);
    }

    pub(super) fn seed(&mut self) -> u64 {
        self.0.u64(..)
    }
}
