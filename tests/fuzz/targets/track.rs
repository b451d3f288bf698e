//! The process table against the model of the kernel: the input decides what happens, in which order.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../cnproc-track/tests/model/mod.rs"]
mod model;

fuzz_target!(|data: &[u8]| {
    model::driver::run(data);
});
