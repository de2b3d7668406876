//! Bodies that are too large to be read.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| muster::agent::fuzzing::skim(body));
