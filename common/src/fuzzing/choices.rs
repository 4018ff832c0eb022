/// Decisions taken from bytes, in their order; each is the first one possible when the bytes are
/// used up.
pub struct Choices<'d>(&'d [u8]);

impl<'d> Choices<'d> {
    #[must_use]
    pub const fn new(data: &'d [u8]) -> Self {
        Self(data)
    }

    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    pub fn short(&mut self) -> u16 {
        let low = self.byte();
        u16::from_be_bytes([self.byte(), low])
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// At most so many.
    pub fn bytes(&mut self, count: usize) -> &'d [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Up to 255 bytes, with U+FFFD for what is not UTF-8.
    pub fn text(&mut self) -> String {
        let length = self.byte();
        String::from_utf8_lossy(self.bytes(length.into())).into_owned()
    }

    /// Any character.
    pub fn character(&mut self) -> char {
        let number = u32::from(self.short()) | u32::from(self.byte()) << 16;
        char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// `all` has at most 256 and is not empty.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    #[must_use]
    pub const fn rest(self) -> &'d [u8] {
        self.0
    }
}
