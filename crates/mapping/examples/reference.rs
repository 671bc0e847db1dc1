//! Prints the reference page of the functions: what `cargo xtask docs` writes to docs/functions.md.
#![expect(clippy::print_stdout, reason = "a program that prints its result")]

fn main() {
    print!("{}", peoplesync_mapping::functions::reference());
}
