//! Asks on the terminal before something is done; without a terminal there is nobody to ask.

use std::io::{BufRead as _, IsTerminal as _};

use crate::failure::{Failure, Outcome};
use crate::report::Output;

/// Goes on only after `yes`. `not_done` is what did not happen otherwise: "nothing was written".
pub(super) fn confirm(question: &str, not_done: &str, hint: &str, output: Output) -> Outcome<()> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(
            Failure::usage(format!("there is nobody to ask, so {not_done}")).with_hint(hint)
        );
    }
    output.error(&format!("{question} Only `yes` goes on: "));
    let mut answer = String::new();
    stdin
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::unexpected("cannot read the answer", &error))?;
    if answer.trim() == "yes" {
        return Ok(());
    }
    Err(Failure::usage(format!("not confirmed, so {not_done}")))
}
