//! How the target lets peoplesync in: credentials, certificates, a proxy. The one place where they are revealed.

use std::path::Path;

use peoplesync_scim::client::{Auth, ClientConfig, OAuth2};
use peoplesync_source::{Context, Error, Revealed, Secret};

use crate::config::{ConfigError, Loaded, model};
use crate::failure::{Failure, Outcome};

/// Puts into a client's config what it needs to be let in.
pub(super) fn grant(
    config: &mut ClientConfig,
    target: &model::Target,
    cx: &Context,
) -> Outcome<()> {
    config.auth = auth(&target.auth, cx)?;
    config.extra_roots_pem = target.tls.ca.as_deref().map(|path| pem(path, cx)).transpose()?;
    if let (Some(certificate), Some(key)) = (&target.tls.certificate, &target.tls.key) {
        let mut identity = pem(certificate, cx)?;
        identity.push(b'\n');
        identity.extend_from_slice(reveal(key, cx)?.expose().as_bytes());
        config.identity_pem = Some(identity);
    }
    if let Some(proxy) = &target.proxy {
        config.proxy = Some(reveal(proxy, cx)?.expose().to_owned());
    }
    Ok(())
}

fn auth(auth: &model::Auth, cx: &Context) -> Outcome<Auth> {
    let text = |secret| reveal(secret, cx).map(|revealed| revealed.expose().to_owned());
    Ok(match auth {
        model::Auth { bearer: Some(token), .. } => Auth::Bearer(text(token)?),
        model::Auth { basic: Some(basic), .. } => {
            Auth::Basic { user: basic.user.clone(), password: text(&basic.password)? }
        }
        model::Auth { header: Some(header), .. } => {
            Auth::Header { name: header.name.clone(), value: text(&header.value)? }
        }
        model::Auth { oauth2: Some(oauth2), .. } => Auth::OAuth2(OAuth2 {
            token_url: oauth2.token_url.clone(),
            client_id: oauth2.client_id.clone(),
            client_secret: text(&oauth2.client_secret)?,
            scope: oauth2.scope.clone(),
        }),
        model::Auth { bearer: None, basic: None, header: None, oauth2: None } => Auth::None,
    })
}

fn reveal(secret: &Secret, cx: &Context) -> Outcome<Revealed> {
    cx.reveal(secret).map_err(|error| Failure::from(error).at_target())
}

fn pem(path: &Path, cx: &Context) -> Result<Vec<u8>, Error> {
    let path = cx.resolve(path);
    std::fs::read(&path).map_err(|error| {
        Error::config(format!("cannot read the certificate in {}", path.display()))
            .with_source(error)
    })
}

/// What can be told of it without revealing anything.
pub(super) fn mistakes(loaded: &Loaded) -> Vec<ConfigError> {
    let model::Target { auth, tls, .. } = &loaded.config.target;
    let ways = [
        ("`bearer`", auth.bearer.is_some()),
        ("`basic`", auth.basic.is_some()),
        ("`header`", auth.header.is_some()),
        ("`oauth2`", auth.oauth2.is_some()),
    ];
    let found: Vec<&str> = ways.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    let mut errors = Vec::new();
    if found.len() > 1 {
        let message = format!("expected one way to sign in, found {}", found.join(" and "));
        errors.push(loaded.error(&["target", "auth"], message));
    }
    match (&tls.certificate, &tls.key) {
        (Some(_), None) => errors.push(loaded.error(
            &["target", "tls", "certificate"],
            "a certificate without its private key: `key` is missing",
        )),
        (None, Some(_)) => errors.push(loaded.error(
            &["target", "tls", "key"],
            "a private key without its certificate: `certificate` is missing",
        )),
        _ => {}
    }
    errors
}
