//! sipp as the load generator: the scenarios of the interop tests, its own statistics read back.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Its RTP ports.
pub(crate) const PORTS: (u16, u16) = (50_000, 59_999);

pub(crate) struct Load {
    child: Child,
    statistics: std::path::PathBuf,
    started: Instant,
    /// Past its own time-out sipp still waits for calls that do not end.
    patience: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) repeats: u64,
    pub(crate) seconds: f64,
}

impl Load {
    /// `calls` at `rate` a second, each held for `hold`.
    pub(crate) fn start(folder: &Path, scenario: &str, target: SocketAddr, calls: u64, rate: u64, hold: Duration) -> io::Result<Self> {
        let statistics = folder.join("sipp.csv");
        let _ = fs::remove_file(&statistics);
        // A caller who is all but silent: µ-law around zero.
        fs::write(folder.join("audio.ulaw"), [0xff_u8, 0x7f].repeat(4_000))?;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/sipp").join(scenario);
        let mut command = Command::new("sipp");
        command.current_dir(folder).arg(target.to_string()).arg("-sf").arg(file);
        command.args(["-s", "1000", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", "5990", "-nostdin", "-trace_stat", "-fd", "1"]);
        command.arg("-mp").arg(PORTS.0.to_string()).arg("-stf").arg(&statistics);
        let limit = calls / rate.max(1) + hold.as_secs() + 20;
        let numbers = [("-m", calls), ("-r", rate), ("-l", calls.min(20_000)), ("-d", hold.as_millis() as u64), ("-timeout", limit)];
        for (name, value) in numbers {
            command.arg(name).arg(value.to_string());
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { child, statistics, started: Instant::now(), patience: Duration::from_secs(limit + 5) })
    }

    pub(crate) fn finish(mut self) -> io::Result<Outcome> {
        while self.child.try_wait()?.is_none() {
            if self.started.elapsed() > self.patience {
                self.child.kill()?;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let text = String::from_utf8_lossy(&fs::read(&self.statistics)?).into_owned();
        let mut lines = text.lines().filter(|line| line.matches(';').count() > 10);
        let names = lines.next().unwrap_or_default().split(';');
        let values = lines.next_back().unwrap_or_default().split(';');
        let row: BTreeMap<&str, &str> = names.zip(values).collect();
        let of = |name: &str| row.get(name).and_then(|value| value.parse().ok()).unwrap_or(0);
        Ok(Outcome { ok: of("SuccessfulCall(C)"), failed: of("FailedCall(C)"), repeats: of("Retransmissions(C)"), seconds })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
