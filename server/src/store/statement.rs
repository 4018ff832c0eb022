//! What a statement is: a text with placeholders that was declared by [`statements`], once, in the
//! file of its table.
//!
//! The lists that the macro makes are joined in `catalogue`; a list that is not is dead code to the
//! compiler. So no statement escapes the test of their plans there.

/// A statement with placeholders, one line.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    text: &'static str,
    /// Why it may walk through a table or sort; empty where it must find its rows by an index.
    #[cfg(test)]
    walks: &'static [&'static str],
}

impl Statement {
    /// For [`statements`] alone.
    pub(super) const fn declared(
        text: &'static str,
        #[cfg_attr(
            not(test),
            allow(unused_variables, reason = "asked for by the test of the plans")
        )]
        walks: &'static [&'static str],
    ) -> Self {
        Self {
            text,
            #[cfg(test)]
            walks,
        }
    }

    /// What a test asks the database beside the product's statements.
    #[cfg(test)]
    pub(super) const fn of_test(text: &'static str) -> Self {
        Self::declared(text, &[])
    }

    pub(super) const fn text(self) -> &'static str {
        self.text
    }

    #[cfg(test)]
    pub(super) const fn walks(self) -> &'static [&'static str] {
        self.walks
    }
}

/// Declares the statements of a table as constants, and `STATEMENTS` with all of them. Behind a
/// statement whose cost grows with a table stands `walks` with what bounds it.
macro_rules! statements {
    ($(const $name:ident = $text:literal $(walks $why:literal)?;)*) => {
        $(const $name: $crate::store::statement::Statement =
            $crate::store::statement::Statement::declared($text, &[$($why)?]);)*

        pub(super) const STATEMENTS: &[$crate::store::statement::Statement] = &[$($name),*];
    };
}
pub(super) use statements;
