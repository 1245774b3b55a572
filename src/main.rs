//! voice-worker: see `voice-worker --help`.

use std::process::ExitCode;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // Before anything can make a TLS connection: the process has one provider of cryptography.
    voice_worker::runtime::shell::install_tls();
    voice_worker::cli::main()
}
