//! Plans over whole worlds: scenarios with committed output, and properties of every world.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod support;
