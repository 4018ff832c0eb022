//! Who somebody is: password and second factor, as pure functions.
//!
//! Time and randomness come in as arguments; nothing here reads a clock, a file or a socket.
