//! End-to-end tests: the binary, config files and CSV files on one side, a SCIM service provider on the other.
//! Everything that an administrator sees (stdout, stderr, exit code) and everything that the target gets is a snapshot.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end where something is not as it must be"
)]

mod accounts;
mod active_directory;
mod approval;
mod bad;
mod bulk;
mod canned;
mod chance;
mod complaints;
mod corpus;
mod crash;
mod dice;
mod directory;
mod discovery;
mod errors;
mod exits;
mod failures;
mod faults;
mod full_disk;
mod groups;
mod habits;
mod harness;
mod import;
mod limits;
mod links;
mod matrix;
mod members;
mod others;
mod payloads;
mod profiles;
mod properties;
mod put;
mod recovery;
mod request_ids;
mod same_people;
mod scale;
mod scenarios;
mod secrets;
mod servers;
mod service;
mod survive;
mod target;
mod versions;
mod waiting;
