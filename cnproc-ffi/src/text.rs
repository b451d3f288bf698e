//! Texts of a process, in a caller's buffer.

use cnproc_sys::{Error, Process, Text};
use core::ffi::c_char;

/// A caller's buffer for a text.
pub(crate) struct TextBuffer<'a>(&'a mut [u8]);

/// A function of `Process` that reads a text.
pub(crate) type ReadText = for<'a> fn(&Process, &'a mut [u8]) -> Result<Text<'a>, Error>;

impl TextBuffer<'_> {
    /// # Safety
    /// `buf` must be valid for writing of `len` bytes, or NULL.
    pub(crate) unsafe fn new(buf: *mut c_char, len: usize) -> Option<Self> {
        if buf.is_null() && len != 0 || isize::try_from(len).is_err() {
            return None;
        }
        if len == 0 {
            return Some(Self(<&mut [u8]>::default()));
        }
        // SAFETY: not NULL, and by contract valid for writing of `len` bytes, which is at most isize::MAX.
        Some(Self(unsafe { core::slice::from_raw_parts_mut(buf.cast::<u8>(), len) }))
    }

    /// Writes a text as snprintf does: as much as fits, with a final NUL. Returns the length of the whole.
    pub(crate) fn fill(&mut self, process: &Process, read: ReadText) -> Result<usize, Error> {
        let room = self.0.len().saturating_sub(1);
        let text = self.0.get_mut(..room).unwrap_or_default();
        let length = read(process, text)?.full_len();
        if let Some(end) = self.0.get_mut(length.min(room)) {
            *end = 0;
        }
        Ok(length)
    }

    /// Likewise, of a text in memory.
    pub(crate) fn write(&mut self, text: &[u8]) -> usize {
        let room = self.0.len().saturating_sub(1);
        for (to, from) in self.0.iter_mut().take(room).zip(text) {
            *to = *from;
        }
        if let Some(end) = self.0.get_mut(text.len().min(room)) {
            *end = 0;
        }
        text.len()
    }
}
