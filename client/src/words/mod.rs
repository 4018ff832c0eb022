//! Every sentence that a person reads, by where it is read: the place where a second language
//! begins. Sentences are whole, so that their words can be put in another order; names, numbers and
//! times come in as arguments. Errors keep theirs beside what they are (`thiserror`), and `/help`
//! and `--help` keep theirs in their tables.

pub mod account;
pub mod app;
pub mod config;
pub mod dialog;
pub mod enrol;
pub mod full;
pub mod input;
pub mod keys;
pub mod login;
pub mod model;
pub mod past;
pub mod plain;
pub mod prompt;
pub mod screen;
pub mod script;
pub mod tables;
pub mod trust;
