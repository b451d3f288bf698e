//! `make install` from a clean copy of the repository, and programs that use only what it installed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "for tests")]

mod compilers;
mod examples;
mod files;
mod languages;
mod library;
