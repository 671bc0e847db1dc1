//! Where credentials are kept: the environment, files, programs, systemd, a vault.

use std::io::{self, Read as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use peoplesync_source::{Error, Revealed, Secret, Secrets};

/// As long as anybody waits for a program that prints a secret: it may ask a person, on a screen of its own.
const PATIENCE: Duration = Duration::from_secs(120);

/// Reveals secrets; relative paths start at the folder of the config file.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) base: PathBuf,
}

impl Secrets for Keeper {
    fn reveal(&self, secret: &Secret) -> Result<Revealed, Error> {
        let text = match secret {
            Secret::Plain(revealed) => return Ok(revealed.clone()),
            Secret::Env(name) => variable(name)?,
            Secret::File(path) => {
                let path = self.base.join(path);
                std::fs::read_to_string(&path).map_err(|error| {
                    Error::config(format!("cannot read the secret in {}", path.display()))
                        .with_source(error)
                })?
            }
            Secret::Command(command) => self.run(command, PATIENCE)?,
            Secret::Credential(name) => credential(name)?,
            Secret::Vault(place) => super::vault::read(place, &variable)?,
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(Error::config(format!(
                "the {} is empty",
                format!("{secret:?}").trim_matches(['[', ']'])
            )));
        }
        Ok(Revealed::new(text))
    }
}

#[expect(clippy::disallowed_methods, reason = "the config is where the environment is read")]
fn variable(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|error| {
        Error::config(match error {
            std::env::VarError::NotPresent => format!("the variable {name} is not set"),
            std::env::VarError::NotUnicode(_) => format!("the variable {name} is not UTF-8"),
        })
        .with_hint(format!(
            "the config says {{ env = \"{name}\" }}: set it, or keep the secret in a file"
        ))
    })
}

/// What systemd has put into the service's folder of credentials.
fn credential(name: &str) -> Result<String, Error> {
    let folder = variable("CREDENTIALS_DIRECTORY").map_err(|error| {
        error.with_hint(format!(
            "systemd sets it for a service with LoadCredential={name}:PATH; by hand, use {{ file = \"PATH\" }}"
        ))
    })?;
    let path = PathBuf::from(folder).join(name);
    std::fs::read_to_string(&path).map_err(|error| {
        Error::config(format!("there is no credential `{name}`"))
            .with_hint(format!("the service needs LoadCredential={name}:PATH"))
            .with_source(error)
    })
}

impl Keeper {
    fn run(&self, command: &[String], patience: Duration) -> Result<String, Error> {
        let (program, arguments) = command
            .split_first()
            .ok_or_else(|| Error::config("the command of a secret is empty"))?;
        let fail = |what: String| Error::config(format!("the program {program} {what}"));
        let cannot = |error: io::Error| {
            fail("that prints a secret cannot be started".into()).with_source(error)
        };
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(&self.base)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(cannot)?;
        let (say, printed) = mpsc::channel();
        let mut stdout = child.stdout.take();
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let read = stdout.as_mut().map_or(Ok(0), |stdout| stdout.read_to_end(&mut text));
            // Nobody listens any more when it took too long.
            let _late = say.send(read.map(|_| text));
        });
        let Ok(text) = printed.recv_timeout(patience) else {
            let _ended = child.kill().and_then(|()| child.wait());
            return Err(fail(format!(
                "that prints a secret did not end within {} seconds",
                patience.as_secs()
            ))
            .with_hint("it has no input: a program that asks for something waits for ever"));
        };
        let status = child.wait().map_err(cannot)?;
        if !status.success() {
            return Err(fail(format!("that prints a secret failed ({status})")));
        }
        let text = text.map_err(cannot)?;
        String::from_utf8(text).map_err(|_| fail("printed a secret that is not UTF-8".into()))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let keeper = Keeper { base: PathBuf::from(".") };
        let run = |command: &[&str], patience| {
            let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
            keeper.run(&command, patience).map_err(|error| error.to_string())
        };
        assert_eq!(run(&["printf", "abc"], PATIENCE).unwrap(), "abc");
        insta::assert_snapshot!(
            run(&["sleep", "600"], Duration::ZERO).unwrap_err(),
            @"the program sleep that prints a secret did not end within 0 seconds"
        );
        insta::assert_snapshot!(
            run(&["false"], PATIENCE).unwrap_err(),
            @"the program false that prints a secret failed (exit status: 1)"
        );
    }
}
