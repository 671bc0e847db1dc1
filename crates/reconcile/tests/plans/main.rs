//! Plans over whole worlds: scenarios with committed output, and properties of every world.

mod cases;
mod properties;
mod support;
