//! What the kernel says of processes and packets.

use std::fs;
use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Clock ticks a second of `/proc/PID/stat`: 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// User and system time, seconds.
    pub(crate) cpu: f64,
    pub(crate) rss_kib: f64,
}

pub(crate) fn usage(pid: u32) -> Usage {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<f64> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect();
    let field = |place: usize| fields.get(place).copied().unwrap_or(0.0);
    Usage { cpu: (field(11) + field(12)) / TICKS, rss_kib: field(21) * 4.0 }
}

/// Processor, cores, load and kernel, as one line.
pub(crate) fn state() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':')).map_or("?", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} × {}, Linux {}, load {}", cores, model.trim(), kernel.trim(), load())
}

pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Share of the machine that was busy, from two readings.
pub(crate) fn busy() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line: Vec<f64> =
        stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8).map(|field| field.parse().unwrap_or(0.0)).collect();
    let total: f64 = line.iter().sum();
    let idle = line.get(3).unwrap_or(&0.0) + line.get(4).unwrap_or(&0.0);
    (total - idle, total)
}

/// Datagrams the kernel dropped at full receive buffers of these local ports.
pub(crate) fn dropped(ports: std::ops::RangeInclusive<u16>) -> u64 {
    let table = fs::read_to_string("/proc/net/udp").unwrap_or_default();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = u16::from_str_radix(fields.get(1)?.rsplit(':').next()?, 16).ok()?;
        let drops: u64 = fields.last()?.parse().ok()?;
        ports.contains(&port).then_some(drops)
    };
    table.lines().skip(1).filter_map(row).sum()
}

/// Counts G.711 frames (160 bytes of payload) as they leave for and from these ports of the load generator. `None` without nft or the right.
pub(crate) struct Frames(());

impl Frames {
    pub(crate) fn start(ports: (u16, u16)) -> Option<Self> {
        let (low, high) = ports;
        let rules = format!(
            "table ip bench {{ counter to_subject {{ }}\n counter from_subject {{ }}\n chain o {{ type filter hook output priority 0;\n\
             udp length 180 udp sport {low}-{high} counter name to_subject accept\n udp length 180 udp dport {low}-{high} counter name from_subject\n }}\n }}\n"
        );
        let _ = nft(&["delete", "table", "ip", "bench"], "");
        nft(&["-f", "-"], &rules).ok().map(|_| Self(()))
    }

    /// To the subject, from the subject.
    pub(crate) fn read(&self) -> (f64, f64) {
        let text = nft(&["list", "counters", "table", "ip", "bench"], "").unwrap_or_default();
        let of = |name: &str| {
            let rest = text.split_once(&format!("counter {name} "))?.1;
            rest.split_once("packets ")?.1.split_whitespace().next()?.parse().ok()
        };
        (of("to_subject").unwrap_or(0.0), of("from_subject").unwrap_or(0.0))
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        let _ = nft(&["delete", "table", "ip", "bench"], "");
    }
}

fn nft(arguments: &[&str], input: &str) -> io::Result<String> {
    let mut child = Command::new("nft").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    child.stdin.take().ok_or_else(|| io::Error::other("no pipe"))?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).into_owned()) } else { Err(io::Error::other("nft refused")) }
}
