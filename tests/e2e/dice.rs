//! Numbers that look random and are the same in every run.

/// A linear congruential generator (Knuth's constants); its upper bits are good enough to choose test data by.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number from 0 to below `below`.
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}
