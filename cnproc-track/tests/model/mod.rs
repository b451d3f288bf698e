//! The table against a model of the kernel.

pub mod check;
pub mod choices;
pub mod driver;
pub mod kernel;
pub mod world;
