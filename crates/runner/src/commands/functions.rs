//! `functions [NAME]`: the functions of the expression language, from the table that the checker reads.

use peoplesync_mapping::functions::{self, FAMILIES, Function};
use serde_json::{Value as Json, json};

use super::print;
use crate::cli::FunctionsArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::report::{Output, json as documents, line};

pub(super) fn run(args: &FunctionsArgs, output: Output) -> Outcome<Exit> {
    let chosen = match &args.name {
        None => functions::all().to_vec(),
        // The command line knows the names, so there is one.
        Some(name) => match functions::find(name) {
            Some(function) => vec![function],
            None => return Err(Failure::usage(format!("there is no function `{name}`"))),
        },
    };
    let text = if args.json {
        documents::text(&Json::Array(chosen.iter().map(|function| document(function)).collect()))
    } else if args.name.is_some() {
        chosen.iter().map(|function| function.text("", "")).collect()
    } else {
        list(output)
    };
    print(output, &text)?;
    Ok(Exit::Done)
}

fn list(output: Output) -> String {
    let mut text = String::new();
    for family in FAMILIES {
        line!(text, "{}", output.paint.bold(family.title));
        for function in family.sorted() {
            line!(text, "  {}", function.signature());
            line!(text, "      {}", function.one_line);
        }
    }
    text
}

fn document(function: &Function) -> Json {
    let examples = function.examples.iter();
    json!({
        "name": function.name,
        "signature": function.typed_signature(),
        "says": function.one_line,
        "deterministic": function.is_deterministic(),
        "examples": examples.map(|(call, value)| json!({ "expression": call, "value": value })).collect::<Vec<_>>(),
    })
}
