//! Measures a running worker, and a rival in the same run: set-ups, concurrent calls with audio both ways, lateness of outgoing frames, the
//! way from an end order to BYE, turns with a model behind them, memory over many calls. It measures and writes it down; what must hold is asserted in `tests/`.
//!
//! `cargo bench --bench worker [-- --quick] [--only setups,media,end,turn,memory] [--no-rival] [--calls 50,100] [--rates 100,200]`
//!
//! Needs sipp; nft and dumpcap (and the right to use them) for packet counts and lateness; `benches/rival/install` for the rival. As root it
//! moves into a network namespace of its own, so that nothing else on the machine is counted or in the way.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement has a clock and talks to whoever runs it")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "figures for people")]

mod capture;
mod cases;
mod machine;
mod phone;
mod report;
mod sipp;
mod subject;
mod turn;

use cases::Plan;
use report::Report;
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let inside = arguments.iter().any(|argument| argument == "--inside");
    if !inside && let Some(code) = in_a_namespace(&arguments) {
        return code;
    }
    match measure(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The same program again where only its own packets are; `None` where that is not allowed.
fn in_a_namespace(arguments: &[String]) -> Option<ExitCode> {
    let allowed = Command::new("unshare").args(["-n", "true"]).stderr(std::process::Stdio::null()).status().ok()?.success();
    if !allowed {
        return None;
    }
    let program = std::env::current_exe().ok()?;
    // Ports the system chooses must not lie among those of the load generator: they would be counted as its own.
    let script = "ip link set lo up && echo 40000 49999 > /proc/sys/net/ipv4/ip_local_port_range; exec \"$0\" \"$@\" --inside";
    let status = Command::new("unshare").args(["-n", "sh", "-c", script]).arg(program).args(arguments).status().ok()?;
    Some(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(arguments: &[String]) -> std::io::Result<()> {
    let plan = Plan::read(arguments);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    std::fs::create_dir_all(&folder)?;
    let mut report = Report::default();
    report.line(&format!("Machine: {}.", machine::state()));
    report.line(&format!("Command: `cargo bench --bench worker{}`.", plan.said));
    cases::run(&plan, &folder, &mut report)?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench/report.md");
    std::fs::create_dir_all(file.parent().unwrap_or(&file))?;
    std::fs::write(&file, report.text())?;
    println!("\nWritten to {}", file.display());
    Ok(())
}
