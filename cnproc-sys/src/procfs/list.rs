//! Numbers that are names in `/proc`: processes, or the threads of one.

use crate::error::{Call, Error};
use crate::sys::fd::Fd;
use crate::sys::file::{self, Entries};
use core::ffi::CStr;

/// A directory that is being listed.
#[derive(Debug)]
pub(crate) struct Listing {
    directory: Fd,
    entries: Entries,
    position: usize,
    end: usize,
}

/// Where in an entry its length is, and where its name begins: `struct linux_dirent64`.
const LENGTH: usize = 16;
const NAME: usize = 19;

impl Listing {
    pub(crate) fn open(at: &Fd, path: &CStr) -> Result<Self, Error> {
        let directory = file::open_list(Call::OpenProc, at, path)?;
        Ok(Self { directory, entries: Entries([0; 4096]), position: 0, end: 0 })
    }

    /// The next entry whose name is a number.
    pub(crate) fn next(&mut self) -> Result<Option<i32>, Error> {
        loop {
            if self.position >= self.end {
                self.end = file::list(Call::ReadProc, &self.directory, &mut self.entries)?;
                self.position = 0;
                if self.end == 0 {
                    return Ok(None);
                }
            }
            let rest = self.entries.0.get(self.position..self.end).unwrap_or_default();
            let (length, number) = entry(rest);
            self.position += length;
            if number.is_some() {
                return Ok(number);
            }
        }
    }
}

/// The length of the first entry, and its name, if that is a number.
fn entry(entries: &[u8]) -> (usize, Option<i32>) {
    let length = entries.get(LENGTH..).and_then(<[u8]>::first_chunk).copied();
    let length = usize::from(u16::from_ne_bytes(length.unwrap_or_default()));
    // An entry without a length would never end.
    let length = if length <= NAME { entries.len() } else { length };
    (length, entries.get(NAME..length).and_then(number))
}

fn number(name: &[u8]) -> Option<i32> {
    let digits = name.split(|byte| *byte == 0).next().filter(|digits| !digits.is_empty())?;
    let mut number = 0_i32;
    for digit in digits {
        let value = char::from(*digit).to_digit(10)?;
        number = number.checked_mul(10)?.checked_add(i32::try_from(value).ok()?)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn procfs() -> Fd {
        file::open_directory(Call::OpenProc, None, c"/proc").unwrap()
    }

    fn all(path: &CStr) -> Vec<i32> {
        let mut listing = Listing::open(&procfs(), path).unwrap();
        let mut numbers = Vec::new();
        while let Some(number) = listing.next().unwrap() {
            numbers.push(number);
        }
        numbers
    }

    #[test]
    fn processes_are_listed_in_order_and_other_names_are_not() {
        let numbers = all(c".");
        assert!(numbers.contains(&1) && numbers.contains(&(std::process::id() as i32)));
        assert!(numbers.is_sorted() && numbers.len() > 2);
    }

    #[test]
    fn more_threads_than_fit_at_once_are_all_listed() {
        const THREADS: usize = 300;
        let barrier = std::sync::Barrier::new(THREADS + 1);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| barrier.wait());
            }
            assert!(all(c"self/task").len() > THREADS);
            barrier.wait();
        });
    }

    #[test]
    fn names_that_are_no_numbers_are_skipped() {
        assert_eq!(number(b"4194303\0\0"), Some(4_194_303));
        for name in [&b"self\0"[..], b"1a\0", b"\0", b"99999999999\0"] {
            assert_eq!(number(name), None, "{name:?}");
        }
    }

    #[test]
    fn damaged_entries_come_to_an_end() {
        let with_length = |length: u16| {
            let mut entry = [0_u8; 24];
            entry[LENGTH..LENGTH + 2].copy_from_slice(&length.to_ne_bytes());
            entry[NAME] = b'7';
            entry
        };
        assert_eq!(entry(&with_length(24)), (24, Some(7)));
        assert_eq!(entry(&with_length(0)), (24, Some(7)));
        assert_eq!(entry(&with_length(99)), (99, None));
        assert_eq!(entry(&[0; 3]), (3, None));
    }
}
