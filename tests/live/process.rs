//! Facts about an event's process, and whether they are that process's.

mod access;
mod facts;
mod reuse;
