//! Faces of the client: how it looks to whoever sits before it.

pub mod plain;
