//! No ring, in 32-bit programs: the positions in a BPF ring buffer are the kernel's `unsigned long`, which they
//! cannot access as a whole.

use crate::error::Error;
use crate::stream::{DropReading, Received};
use crate::sys::fd::Fd;
use crate::sys::netlink::Slot;
use cnproc_parse::Filter;

/// There is none.
#[derive(Debug)]
pub(crate) enum Ring {}

impl Ring {
    pub(crate) const fn open(_: &Fd, _: &Filter, _: bool, _: u32) -> Result<Self, Error> {
        Err(Error::NoRing)
    }

    pub(crate) const fn verify(&self, _: &Fd) -> Result<(), Error> {
        match *self {}
    }

    pub(crate) const fn is_sound(&self) -> bool {
        match *self {}
    }

    pub(crate) const fn set_filter(&self, _: &Filter, _: bool) {
        match *self {}
    }

    pub(crate) const fn forged(&self) -> u64 {
        match *self {}
    }

    pub(crate) const fn coalesce(&mut self, _: &Fd, _: u64) -> Result<(), Error> {
        match *self {}
    }

    pub(crate) const fn restart(&mut self) {
        match *self {}
    }

    pub(crate) const fn pollable(&self) -> Option<&Fd> {
        match *self {}
    }

    pub(crate) const fn is_draining(&self) -> Option<bool> {
        match *self {}
    }

    pub(crate) const fn is_armed(&self) -> bool {
        match *self {}
    }

    pub(crate) const fn on_ready(&mut self) -> Result<bool, Error> {
        match *self {}
    }

    pub(crate) const fn receive(&mut self, _: &Fd, _: &mut [Slot]) -> Result<Received, Error> {
        match *self {}
    }

    pub(crate) const fn take_ready(&mut self, _: &mut [Slot]) -> Received {
        match *self {}
    }

    pub(crate) const fn drops(&self, _: &Fd) -> Result<u32, Error> {
        match *self {}
    }

    pub(crate) const fn read_drops(&mut self, _: &Fd, _: bool) -> Result<DropReading, Error> {
        match *self {}
    }
}
