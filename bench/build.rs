//! Builds the C that the Rust listeners and the micro-benchmarks call: the benchmark's protocol and the C switch.

fn main() {
    println!("cargo::rerun-if-changed=c");
    cc::Build::new()
        .files(["c/figures.c", "c/switch.c"])
        .flag("-std=gnu11")
        .opt_level(2)
        .compile("cnproc_bench");
}
