//! The scrollback of every room: its entries, their rows, and what of them is in sight.

mod lines;
#[cfg(test)]
mod lines_tests;
mod scroll;
mod store;
mod view;
#[cfg(test)]
mod view_tests;

pub use lines::Look;
pub(super) use lines::{Row, marked};
pub use scroll::Direction;
pub use store::Id;
#[cfg(test)]
pub use view::LIMIT;
pub use view::{Activity, Shape, Views};
