//! The ChatBox server.
#![allow(dead_code, unused_imports)] // until main joins the parts

mod keyfile;
mod sealed;
mod store;

fn main() {}
