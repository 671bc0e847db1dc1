//! Kerberos: what builds the feature `gssapi`, and what its tests need of the domain.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::MetadataCommand;

use crate::model;
use crate::shell::{self, Result, succeeds};

/// The feature that needs more than Rust.
const FEATURE: &str = "gssapi";

/// The headers of the library, what finds them, and what reads them.
const PACKAGES: &[&str] = &["libkrb5-dev", "pkg-config", "libclang-dev"];

/// `kinit`, which gets a ticket by a password.
const TOOLS: &[&str] = &["krb5-user"];

/// The directory of the tests, as the domain names services.
const SERVICE: &str = "ldap/localhost";

/// What makes cargo build all features that can be built here, and a word if one is left out.
pub(crate) fn features(root: &Path) -> Result<(Vec<String>, Option<String>)> {
    let Err(why) = library() else { return Ok((vec!["--all-features".to_owned()], None)) };
    let metadata = model::metadata(root, MetadataCommand::new().no_deps())?;
    let features = metadata.packages.iter().flat_map(|package| {
        let others = package.features.keys().filter(|feature| *feature != FEATURE);
        others.map(|feature| format!("{}/{feature}", package.name))
    });
    let list = features.collect::<Vec<_>>().join(",");
    Ok((vec![format!("--features={list}")], Some(format!("the feature {FEATURE}: {why}"))))
}

/// Installs what builds the feature, where it is missing.
fn library() -> Result<()> {
    let is_here =
        || succeeds(Command::new("pkg-config").args(["--exists", "mit-krb5-gssapi"])) && libclang();
    if is_here() {
        return Ok(());
    }
    let needs = format!("Kerberos as a library ({}) is not here", PACKAGES.join(", "));
    shell::apt_install(PACKAGES).map_err(|error| format!("{needs}; {error}"))?;
    if is_here() { Ok(()) } else { Err(needs) }
}

/// Whether bindgen would find libclang.
fn libclang() -> bool {
    let is_libclang = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libclang"))
    };
    let holds = |folder: PathBuf| {
        std::fs::read_dir(folder).is_ok_and(|mut entries| entries.any(is_libclang))
    };
    let of_llvm = || {
        let versions = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        versions.into_iter().any(|entry| {
            let is_llvm = entry.file_name().to_string_lossy().starts_with("llvm-");
            is_llvm && holds(entry.path().join("lib"))
        })
    };
    std::env::var_os("LIBCLANG_PATH").is_some() || of_llvm() || holds("/usr/lib64".into())
}

/// Lets the domain of the tests serve this host by the name `localhost`, and writes a keytab of its administrator. Gives the
/// settings of Kerberos that name both.
pub(crate) fn set_up(_: &Path, target: &Path) -> Result<PathBuf> {
    library()?;
    if !succeeds(Command::new("klist").arg("-V")) {
        let needs = "Kerberos as programs (kinit) is not here";
        shell::apt_install(TOOLS).map_err(|error| format!("{needs}; {error}"))?;
    }
    let folder = target.join("samba");
    let settings = folder.join("krb5.conf");
    if settings.exists() {
        return Ok(settings);
    }
    let domain = folder.join("etc/smb.conf");
    if !domain.exists() {
        return Err("there is no domain to get tickets from".to_owned());
    }
    let tool = |arguments: &[&str]| {
        let mut tool = Command::new("samba-tool");
        shell::capture(tool.args(arguments).arg("--configfile").arg(&domain))
    };
    let keytab = folder.join("administrator.keytab");
    let name = keytab.display().to_string();
    drop(std::fs::remove_file(&keytab));
    if !tool(&["spn", "list", "DC1$"])?.contains(SERVICE) {
        tool(&["spn", "add", SERVICE, "DC1$"])?;
    }
    tool(&["domain", "exportkeytab", &name, "--principal=Administrator"])?;
    // Tickets are kept in memory: no ticket of an earlier domain, nor of whoever runs the tests, is taken.
    let text = format!(
        "[libdefaults]\n\tdefault_realm = AD.EXAMPLE.TEST\n\tdns_lookup_realm = false\n\tdns_lookup_kdc = false\n\
         \tdns_canonicalize_hostname = false\n\trdns = false\n\tdefault_ccache_name = MEMORY:tests\n\
         \tdefault_client_keytab_name = FILE:{name}\n[realms]\n\tAD.EXAMPLE.TEST = {{\n\t\tkdc = 127.0.0.1\n\t}}\n"
    );
    std::fs::write(&settings, text)
        .map_err(|error| format!("cannot write {}: {error}", settings.display()))?;
    Ok(settings)
}
