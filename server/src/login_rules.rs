//! The numbers that login and journal must agree on.

/// After so many wrong codes since the last login only a recovery code is taken.
pub const MAX_WRONG_CODES: u32 = 20;
