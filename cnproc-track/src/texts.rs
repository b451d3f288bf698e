//! The texts of programs: command line, executable, control group.
//!
//! A child has its parent's texts until it executes another program, so blocks of text are shared and
//! counted: a fork copies none.

use crate::memory::Array;

/// A text that the table can keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    /// `/proc/PID/cmdline`: arguments, each ended by a NUL.
    Cmdline,
    /// Where `/proc/PID/exe` points.
    Exe,
    /// `/proc/PID/cgroup`.
    Cgroup,
}

impl Text {
    pub(crate) const ALL: [Self; 3] = [Self::Cmdline, Self::Exe, Self::Cgroup];

    const fn index(self) -> usize {
        match self {
            Self::Cmdline => 0,
            Self::Exe => 1,
            Self::Cgroup => 2,
        }
    }
}

/// The texts of one program.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Block {
    /// How many slots have it; 0: it is free.
    users: u32,
    /// The next free block, plus 1.
    next: u32,
    /// How much is kept of each text.
    lengths: [u32; Text::ALL.len()],
}

/// Blocks are named by their index plus 1; 0 is none.
#[derive(Debug)]
pub(crate) struct Texts<B, A> {
    blocks: B,
    bytes: A,
    /// How much can be kept of each text of a block.
    room: [usize; Text::ALL.len()],
    free: u32,
}

impl<B: Array<Block>, A: Array<u8, Error = B::Error>> Texts<B, A> {
    pub(crate) const fn new(blocks: B, bytes: A, room: [usize; Text::ALL.len()]) -> Self {
        Self { blocks, bytes, room, free: 0 }
    }

    fn block(&self, number: u32) -> Option<&Block> {
        self.blocks.get((number as usize).checked_sub(1)?)
    }

    fn block_mut(&mut self, number: u32) -> Option<&mut Block> {
        self.blocks.get_mut((number as usize).checked_sub(1)?)
    }

    /// Where in `bytes` a text of a block is.
    fn place(&self, number: u32, text: Text) -> Option<(usize, usize)> {
        let block = (number as usize).checked_sub(1)?;
        let before = self.room.iter().take(text.index()).sum::<usize>();
        let room = self.room.get(text.index())?;
        Some((block * self.room.iter().sum::<usize>() + before, *room))
    }

    /// The same block, for one more slot.
    pub(crate) fn share(&mut self, number: u32) -> u32 {
        match self.block_mut(number) {
            Some(block) => {
                block.users += 1;
                number
            }
            None => 0,
        }
    }

    /// A slot has it no more.
    pub(crate) fn release(&mut self, number: u32) {
        let free = self.free;
        if let Some(block) = self.block_mut(number) {
            block.users = block.users.saturating_sub(1);
            if block.users == 0 {
                block.next = free;
                self.free = number;
            }
        }
    }

    /// A block with the same texts that is one slot's alone.
    pub(crate) fn own(&mut self, number: u32) -> Result<u32, B::Error> {
        let old = self.block(number).copied().unwrap_or_default();
        if old.users == 1 {
            return Ok(number);
        }
        let new = self.add()?;
        if let Some(block) = self.block_mut(new) {
            (block.users, block.lengths) = (1, old.lengths);
        }
        self.copy(number, new, old.lengths);
        self.release(number);
        Ok(new)
    }

    fn copy(&mut self, from: u32, to: u32, lengths: [u32; Text::ALL.len()]) {
        for (text, length) in Text::ALL.into_iter().zip(lengths) {
            if let (Some((from, _)), Some((to, _))) = (self.place(from, text), self.place(to, text))
            {
                for offset in 0..length as usize {
                    let byte = self.bytes.get(from + offset).copied().unwrap_or(0);
                    if let Some(place) = self.bytes.get_mut(to + offset) {
                        *place = byte;
                    }
                }
            }
        }
    }

    fn add(&mut self) -> Result<u32, B::Error> {
        if let Some(block) = self.block(self.free).copied() {
            let number = self.free;
            self.free = block.next;
            return Ok(number);
        }
        // The bytes first: where they are and the block is not, they are used the next time.
        let room = self.room.iter().sum::<usize>();
        let missing = ((self.blocks.len() + 1) * room).saturating_sub(self.bytes.len());
        self.bytes.grow(missing, 0)?;
        self.blocks.grow(1, Block::default())?;
        Ok(self.blocks.len() as u32)
    }

    /// Keeps as much of a text as there is room for. The block must be one slot's alone.
    pub(crate) fn set(&mut self, number: u32, text: Text, value: &[u8]) {
        let Some((start, room)) = self.place(number, text) else { return };
        let kept = value.len().min(room);
        let place = self.bytes.get_mut(start..start + kept).unwrap_or_default();
        for (to, from) in place.iter_mut().zip(value) {
            *to = *from;
        }
        if let Some(length) =
            self.block_mut(number).and_then(|block| block.lengths.get_mut(text.index()))
        {
            *length = kept as u32;
        }
    }

    /// The memory in use, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.blocks) + self.bytes.len()
    }

    /// Whether it is that text that is kept.
    pub(crate) fn is(&self, number: u32, text: Text, value: &[u8]) -> bool {
        let room = self.place(number, text).map_or(0, |(_, room)| room);
        self.get(number, text).is_some_and(|kept| value.get(..room).unwrap_or(value) == kept)
    }

    /// What is kept of a text.
    pub(crate) fn get(&self, number: u32, text: Text) -> Option<&[u8]> {
        let (start, _) = self.place(number, text)?;
        let length = *self.block(number)?.lengths.get(text.index())? as usize;
        self.bytes.get(start..start + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn texts() -> Texts<Vec<Block>, Vec<u8>> {
        Texts::new(Vec::new(), Vec::new(), [8, 0, 4])
    }

    #[test]
    fn text_is_kept_as_far_as_there_is_room() {
        let mut texts = texts();
        let block = texts.own(0).unwrap();
        texts.set(block, Text::Cmdline, b"0123456789");
        texts.set(block, Text::Exe, b"/bin/true");
        texts.set(block, Text::Cgroup, b"/a");
        assert_eq!(texts.get(block, Text::Cmdline), Some(&b"01234567"[..]));
        assert_eq!(texts.get(block, Text::Exe), Some(&b""[..]), "not asked for");
        assert_eq!(texts.get(block, Text::Cgroup), Some(&b"/a"[..]));
        assert_eq!(texts.get(0, Text::Cmdline), None);
        assert!(texts.is(block, Text::Cmdline, b"0123456789") && texts.is(block, Text::Exe, b"/"));
        assert!(!texts.is(block, Text::Cgroup, b"/ab") && !texts.is(0, Text::Exe, b""));
    }

    #[test]
    fn shared_block_stays_until_its_last_user_has_left() {
        let mut texts = texts();
        let parent = texts.own(0).unwrap();
        texts.set(parent, Text::Cmdline, b"parent");
        texts.set(parent, Text::Cgroup, b"/p");
        let child = texts.share(parent);
        assert_eq!(child, parent);
        let own = texts.own(child).unwrap();
        assert_ne!(own, parent);
        texts.set(own, Text::Cmdline, b"child");
        assert_eq!(texts.get(parent, Text::Cmdline), Some(&b"parent"[..]));
        assert_eq!(texts.get(own, Text::Cmdline), Some(&b"child"[..]));
        assert_eq!(texts.get(own, Text::Cgroup), Some(&b"/p"[..]));
        assert_eq!(texts.own(own).unwrap(), own, "nobody else has it");
        texts.release(parent);
        assert_eq!(texts.own(0).unwrap(), parent, "it is free again");
        assert_eq!(texts.blocks.len(), 2);
    }
}
