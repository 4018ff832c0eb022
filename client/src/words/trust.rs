//! Why a server's key is refused, and what to do.

use std::fmt::Display;

use chatbox_common::fingerprint::Fingerprint;

use crate::address::ServerAddress;

pub fn key_changed(
    server: &ServerAddress,
    file: &dyn Display,
    (expected, presented): (Fingerprint, Fingerprint),
    line: usize,
) -> String {
    format!(
        "REFUSED: THE KEY OF {server} HAS CHANGED.\n  \
           expected:  {expected}\n  \
           presented: {presented}\n\
         Somebody may be between you and the server; no password was sent.\n\
         Ask the operator for the fingerprint in another way than through this server.\n\
         If it is the presented one, delete line {line} of {file} and connect with\n  \
           --fingerprint {presented}"
    )
}

pub fn damaged(
    server: &ServerAddress,
    file: &dyn Display,
    presented: Fingerprint,
    line: usize,
) -> String {
    format!(
        "REFUSED: line {line} of {file} is about {server} and cannot be read.\n  \
           presented: {presented}\n\
         Ask the operator for the fingerprint, delete the line, and connect with\n  \
           --fingerprint SHA256:..."
    )
}

pub fn not_the_one_given(
    server: &ServerAddress,
    given: Fingerprint,
    presented: Fingerprint,
) -> String {
    format!(
        "REFUSED: {server} HAS ANOTHER KEY THAN THE ONE YOU GAVE.\n  \
           given:     {given}\n  \
           presented: {presented}\n\
         Somebody may be between you and the server, or the fingerprint is another server's.\n\
         Ask the operator for the fingerprint in another way than through this server."
    )
}
