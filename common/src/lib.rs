//! The ChatBox protocol, version 1: everything that client and server must agree on.

pub mod auth;
pub mod config;
pub mod name;
pub mod secret;
