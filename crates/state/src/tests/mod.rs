//! The tests of the state as a whole.
