//! How late frames left, by the kernel's own time stamps: dumpcap writes the probes' RTP, the rest is arithmetic.
//!
//! A frame is due 20 ms after the one before it, by its RTP time stamp. The frame of a leg that was earliest against that schedule counts as
//! on time; every other one is late by what it lies behind it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) struct Capture {
    child: Child,
    file: PathBuf,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lateness {
    pub(crate) frames: usize,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// Sequence numbers that never came.
    pub(crate) missing: u64,
}

impl Capture {
    /// `None` where dumpcap is missing or may not capture.
    pub(crate) fn start(folder: &Path, ports: (u16, u16)) -> Option<Self> {
        let file = folder.join("probe.pcap");
        let filter = format!("udp dst portrange {}-{}", ports.0, ports.1);
        let mut command = Command::new("dumpcap");
        command.args(["-q", "-P", "-i", "lo", "-s", "80", "-B", "16", "-f", &filter, "-w"]).arg(&file);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        // It has a file once it captures.
        for _ in 0..60 {
            std::thread::sleep(Duration::from_millis(50));
            if fs::metadata(&file).is_ok_and(|meta| meta.len() >= 24) {
                return Some(Self { child, file });
            }
            if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                return None;
            }
        }
        let _ = child.kill();
        let _ = child.wait();
        None
    }

    pub(crate) fn finish(mut self) -> Option<Lateness> {
        // SIGINT lets it write what it holds.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
        let bytes = fs::read(&self.file).ok()?;
        let _ = fs::remove_file(&self.file);
        lateness(&bytes)
    }
}

/// One RTP packet: microseconds, sequence number, time stamp.
type Frame = (i64, u16, u32);

fn lateness(pcap: &[u8]) -> Option<Lateness> {
    let mut legs: BTreeMap<u16, Vec<Frame>> = BTreeMap::new();
    let mut rest = pcap.get(24..)?;
    let nanos = pcap.starts_with(&[0x4d, 0x3c, 0xb2, 0xa1]);
    while rest.len() >= 16 {
        let word = |place: usize| u32::from_le_bytes([rest[place], rest[place + 1], rest[place + 2], rest[place + 3]]);
        let (seconds, fraction, length) = (i64::from(word(0)), i64::from(word(4)), word(8) as usize);
        let Some(packet) = rest.get(16..16 + length) else { break };
        // Ethernet (14), IPv4 without options (20), UDP (8), RTP.
        if packet.len() >= 54
            && packet[42] & 0xc0 == 0x80
            // µ-law, no key and no RTCP.
            && packet[43] & 0x7f == 0
        {
            let port = u16::from_be_bytes([packet[36], packet[37]]);
            let sequence = u16::from_be_bytes([packet[44], packet[45]]);
            let stamp = u32::from_be_bytes([packet[46], packet[47], packet[48], packet[49]]);
            let micros = seconds * 1_000_000 + if nanos { fraction / 1_000 } else { fraction };
            legs.entry(port).or_default().push((micros, sequence, stamp));
        }
        rest = &rest[16 + length..];
    }
    let (mut all, mut missing) = (Vec::new(), 0);
    for frames in legs.values().filter(|frames| frames.len() > 50) {
        let (first_at, first_sequence, first_stamp) = frames[0];
        let behind = |(at, _, stamp): &Frame| (at - first_at) - i64::from(stamp.wrapping_sub(first_stamp).cast_signed()) * 125;
        let earliest = frames.iter().map(behind).min().unwrap_or(0);
        all.extend(frames.iter().map(|frame| behind(frame) - earliest));
        let span = frames.last().map_or(0, |(_, last, _)| u64::from(last.wrapping_sub(first_sequence)) + 1);
        missing += span.saturating_sub(frames.len() as u64);
    }
    all.sort_unstable();
    let at = |share: f64| all.get(((all.len() as f64 * share).ceil() as usize).saturating_sub(1)).map(|micros| *micros as f64 / 1_000.0);
    Some(Lateness { frames: all.len(), p50: at(0.5)?, p99: at(0.99)?, max: at(1.0)?, missing })
}
