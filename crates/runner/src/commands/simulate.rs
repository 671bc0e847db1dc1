//! `simulate`: the SCIM service provider in a box, on loopback.

use std::path::Path;

use peoplesync_scim::profile::Version;
use peoplesync_simulator::{Behaviour, Bulk, Simulator};

use peoplesync_source::Clock as _;

use super::print;
use crate::cli::SimulateArgs;
use crate::clock::SystemClock;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::report::Output;

pub(super) async fn run(args: SimulateArgs, output: Output) -> Outcome<Exit> {
    let profile =
        crate::profile::named(&args.profile, Path::new(".")).map_err(|(message, hint)| {
            let failure = Failure::new(Exit::Usage, message);
            match hint {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            }
        })?;
    let mut simulator = Simulator::builder()
        .behaviour(Behaviour { bearer: args.token, ..Behaviour::default() })
        .profile(&profile)
        .map(|builder| if args.bulk { builder.bulk(Bulk::default()) } else { builder })
        .map_err(|error| {
            Failure::new(Exit::Usage, "the profile cannot be simulated").with_cause(&error)
        })?
        .port(args.port)
        .record(false)
        .limited(!args.no_limits)
        .clock(|| SystemClock.now().0);
    if let Some(data) = args.data {
        simulator = simulator.store(data);
    }
    let running = simulator.start().await.map_err(|error| {
        Failure::unexpected(format!("cannot serve on port {}", args.port), &error)
            .with_hint("take another with --port, or --port 0 for a free one")
    })?;
    print(output, &format!("{}\n", running.url()))?;
    output.note(&format!("as {}", profile.title));
    if !profile.rates.is_empty() && !args.no_limits {
        let rates: Vec<String> = profile.rates.iter().map(ToString::to_string).collect();
        output.note(&format!("taking no more than {}; --no-limits takes any", rates.join(", ")));
    }
    let version = match profile.version {
        Version::One => "1.1",
        Version::Two => "2.0",
    };
    output.note(&format!("serving SCIM {version} on this machine only; Ctrl-C ends it"));
    super::interrupted()
        .await
        .map_err(|error| Failure::unexpected("cannot wait for Ctrl-C", &error))?;
    running
        .shutdown()
        .await
        .map_err(|error| Failure::unexpected("the simulator did not end well", &error))?;
    Ok(Exit::Done)
}
