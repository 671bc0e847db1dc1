//! Where credentials are kept: the environment, files, programs, systemd, a vault.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use peoplesync_source::{Error, Revealed, Secret, Secrets};

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
            Secret::Command(command) => self.run(command)?,
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
    fn run(&self, command: &[String]) -> Result<String, Error> {
        let (program, arguments) = command
            .split_first()
            .ok_or_else(|| Error::config("the command of a secret is empty"))?;
        let fail = |what: String| Error::config(format!("the program {program} {what}"));
        let output = Command::new(program)
            .args(arguments)
            .current_dir(&self.base)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| {
                fail("that prints a secret cannot be started".into()).with_source(error)
            })?;
        if !output.status.success() {
            return Err(fail(format!("that prints a secret failed ({})", output.status)));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| fail("printed a secret that is not UTF-8".into()))
    }
}
