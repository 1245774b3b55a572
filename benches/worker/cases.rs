//! The measurements.

use crate::capture::{Capture, Lateness};
use crate::machine::{self, Frames, Usage, usage};
use crate::phone::Phone;
use crate::report::{Report, figure, or_dash};
use crate::sipp::{Load, PORTS};
use crate::subject::{Subject, Tuning};
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// Ports of the probes' audio: even ones, RTCP comes to the others.
const PROBES: (u16, u16) = (60_100, 60_119);
/// Local ports that are not the load generator's.
const SUBJECT_PORTS: std::ops::RangeInclusive<u16> = 5_000..=49_999;
pub(crate) const USUAL: Tuning = Tuning { t1_ms: 500, quarantine_seconds: 10, exact_memory: false };

pub(crate) struct Plan {
    only: Vec<String>,
    rival: bool,
    calls: Vec<u64>,
    rates: Vec<u64>,
    window: Duration,
    setup_seconds: u64,
    ends: usize,
    turns: usize,
    batches: u64,
    batch: u64,
    /// The arguments, to be written down.
    pub(crate) said: String,
}

impl Plan {
    pub(crate) fn read(arguments: &[String]) -> Self {
        let has = |name: &str| arguments.iter().any(|argument| argument == name);
        let after = |name: &str| {
            let place = arguments.iter().position(|argument| argument == name)?;
            arguments.get(place + 1).map(|list| list.split(',').map(str::to_owned).collect::<Vec<_>>())
        };
        let numbers = |name: &str, usual: &[u64]| {
            after(name).map_or_else(|| usual.to_vec(), |list| list.iter().filter_map(|number| number.parse().ok()).collect())
        };
        let quick = has("--quick");
        let meant: Vec<&str> =
            arguments.iter().map(String::as_str).filter(|argument| !["--bench", "--inside"].contains(argument)).collect();
        Self {
            only: after("--only").unwrap_or_default(),
            rival: !has("--no-rival"),
            calls: numbers("--calls", if quick { &[50] } else { &[50, 100, 200, 400] }),
            rates: numbers("--rates", if quick { &[100] } else { &[100, 200, 400, 800, 1_200] }),
            window: Duration::from_secs(if quick { 4 } else { 10 }),
            setup_seconds: if quick { 3 } else { 5 },
            turns: if quick { 10 } else { 60 },
            ends: if quick { 10 } else { 50 },
            batches: if quick { 4 } else { 10 },
            batch: if quick { 50 } else { 200 },
            said: if meant.is_empty() { String::new() } else { format!(" -- {}", meant.join(" ")) },
        }
    }

    fn wants(&self, case: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == case)
    }
}

/// Every case for the worker, then for the rival.
pub(crate) fn run(plan: &Plan, folder: &Path, report: &mut Report) -> io::Result<()> {
    if plan.wants("setups") {
        let columns = ["", "calls/s asked", "answered", "failed", "repeats", "CPU ms a call", "rows not written", "load"];
        report.table("Set-ups: INVITE, 200, ACK, BYE, no hold", &columns);
        each(plan, folder, report, |subject, report| setups(plan, folder, subject, report))?;
    }
    if plan.wants("media") {
        let columns = [
            "",
            "calls",
            "% of a core a call",
            "µs CPU a frame",
            "frames in",
            "frames out",
            "dropped",
            "RSS KiB a call",
            "allocated KiB a call",
            "lateness p50 ms",
            "p99",
            "max",
            "machine busy %",
            "load",
        ];
        report.table("Concurrent calls, G.711 both ways", &columns);
        each(plan, folder, report, |subject, report| media(plan, folder, subject, report))?;
    }
    if plan.wants("end") {
        report.table("End order to BYE on the wire", &["", "orders", "p50 ms", "p99 ms", "max ms", "load"]);
        each(plan, folder, report, |subject, report| ends(plan, subject, report))?;
    }
    if plan.wants("turn") {
        crate::turn::turns(plan.turns, folder, report)?;
    }
    if plan.wants("memory") {
        memory(plan, folder, report)?;
    }
    Ok(())
}

fn each(plan: &Plan, folder: &Path, report: &mut Report, mut case: impl FnMut(&Subject, &mut Report) -> io::Result<()>) -> io::Result<()> {
    let worker = Subject::worker(folder, USUAL)?;
    case(&worker, report)?;
    drop(worker);
    if plan.rival {
        match Subject::rival(folder) {
            // What the rival cannot do is said, and the rest goes on.
            Ok(rival) => case(&rival, report).unwrap_or_else(|error| report.line(&format!("| {} | {error} |", rival.name))),
            Err(error) => report.line(&format!("| the rival | {error} |")),
        }
    }
    Ok(())
}

fn setups(plan: &Plan, folder: &Path, subject: &Subject, report: &mut Report) -> io::Result<()> {
    for rate in &plan.rates {
        let before = usage(subject.pid());
        let calls = rate * plan.setup_seconds;
        let outcome = Load::start(folder, "uac_cps.xml", subject.target, calls, *rate, Duration::ZERO)?.finish()?;
        let closing = closed(subject);
        let spent = usage(subject.pid()).cpu - before.cpu;
        let each_ms = spent * 1_000.0 / (outcome.ok.max(1) as f64);
        report.row(&[
            subject.name.to_owned(),
            rate.to_string(),
            format!("{} of {calls} in {} s", outcome.ok, figure(outcome.seconds)),
            outcome.failed.to_string(),
            outcome.repeats.to_string(),
            figure(each_ms),
            closing,
            machine::load(),
        ]);
        if outcome.ok < calls * 9 / 10 {
            break;
        }
        // Ports rest for ten seconds.
        sleep(Duration::from_secs(3));
    }
    Ok(())
}

/// Until the last call is closed and stored, so that its cost is counted; then how many live updates were dropped so far.
fn closed(subject: &Subject) -> String {
    sleep(Duration::from_secs(1));
    for _ in 0..80 {
        let left = |name| subject.gauge(name).unwrap_or(0.0) > 0.0;
        if !left("calls_live") && !left("store_queue") {
            break;
        }
        sleep(Duration::from_millis(250));
    }
    or_dash(subject.gauge("store_updates_dropped"))
}

fn media(plan: &Plan, folder: &Path, subject: &Subject, report: &mut Report) -> io::Result<()> {
    // Fills caches, so that the first row is no other than the rest.
    Load::start(folder, "uac_rtp_stream.xml", subject.target, 10, 10, Duration::from_secs(2))?.finish()?;
    sleep(Duration::from_secs(1));
    for calls in &plan.calls {
        let rate = (calls / 3).clamp(10, 100);
        let ramp = Duration::from_secs(calls / rate + 2);
        let before = (usage(subject.pid()), subject.gauge("allocated_bytes"));
        let load = Load::start(folder, "uac_rtp_stream.xml", subject.target, *calls, rate, ramp + plan.window + Duration::from_secs(4))?;
        let mut probes = probes(subject)?;
        let talking: Vec<_> = probes.iter_mut().map(Phone::call).collect::<io::Result<_>>()?;
        sleep(ramp);
        let frames = Frames::start(PORTS);
        let capture = Capture::start(folder, PROBES);
        let (start, busy, dropped) = (usage(subject.pid()), machine::busy(), machine::dropped(SUBJECT_PORTS));
        let first = frames.as_ref().map(Frames::read);
        sleep(plan.window);
        let (end, busy_end) = (usage(subject.pid()), machine::busy());
        let last = frames.as_ref().map(Frames::read);
        let lost = machine::dropped(SUBJECT_PORTS).saturating_sub(dropped);
        let allocated = subject.gauge("allocated_bytes");
        let lateness = capture.and_then(Capture::finish);
        for (probe, dialog) in probes.iter().zip(&talking) {
            probe.hang_up(dialog)?;
        }
        let outcome = load.finish()?;
        let all = (calls + probes.len() as u64) as f64;
        let counted = first.zip(last).map(|(first, last)| (last.0 - first.0, last.1 - first.1));
        let seconds = plan.window.as_secs_f64();
        let share = (end.cpu - start.cpu) / seconds / all;
        report.row(&[
            subject.name.to_owned(),
            if outcome.ok == *calls { all.to_string() } else { format!("{all} ({} failed)", calls - outcome.ok) },
            figure(share * 100.0),
            or_dash(counted.map(|(inward, outward)| (end.cpu - start.cpu) * 1e6 / (inward + outward + 500.0 * seconds))),
            or_dash(counted.map(|(inward, _)| inward)),
            or_dash(counted.map(|(_, outward)| outward)),
            lost.to_string(),
            figure((end.rss_kib - before.0.rss_kib) / all),
            or_dash(allocated.zip(before.1).map(|(now, then)| (now - then) / 1_024.0 / all)),
            or_dash(lateness.map(|found| found.p50)),
            or_dash(lateness.map(|found| found.p99)),
            or_dash(lateness.map(|found| found.max)),
            figure((busy_end.0 - busy.0) / (busy_end.1 - busy.1).max(1.0) * 100.0),
            machine::load(),
        ]);
        said_missing(lateness, report);
        sleep(Duration::from_secs(2));
    }
    Ok(())
}

fn said_missing(lateness: Option<Lateness>, report: &mut Report) {
    if let Some(found) = lateness.filter(|found| found.missing > 0) {
        report.line(&format!("| | of the probes' {} frames {} never left |", found.frames, found.missing));
    }
}

fn probes(subject: &Subject) -> io::Result<Vec<Phone>> {
    (PROBES.0..=PROBES.1).step_by(2).map(|port| Phone::new(subject.target, port)).collect()
}

fn ends(plan: &Plan, subject: &Subject, report: &mut Report) -> io::Result<()> {
    let mut phone = Phone::new(subject.target, PROBES.0)?;
    let mut spans = Vec::new();
    for _ in 0..plan.ends {
        let _dialog = phone.call()?;
        sleep(Duration::from_millis(300));
        let (ordered, order) = subject.order_end()?;
        let came = phone.wait_for_bye()?;
        spans.push(came.saturating_duration_since(ordered).as_secs_f64() * 1_000.0);
        let answer = order.answer(subject)?;
        if subject.is_worker() && !answer.contains(" 200") {
            return Err(io::Error::other(format!("end_session was answered: {answer}")));
        }
    }
    spans.sort_by(f64::total_cmp);
    let at = |share: f64| spans.get(((spans.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied();
    report.row(&[subject.name.to_owned(), spans.len().to_string(), or_dash(at(0.5)), or_dash(at(0.99)), or_dash(at(1.0)), machine::load()]);
    Ok(())
}

fn memory(plan: &Plan, folder: &Path, report: &mut Report) -> io::Result<()> {
    let columns = ["", "calls so far", "RSS KiB", "allocated KiB", "calls", "SIP legs", "dialogs", "transactions", "RTP ports", "tasks"];
    report.table("Memory over completed calls, with audio", &columns);
    let worker = Subject::worker(folder, Tuning { t1_ms: 50, quarantine_seconds: 0, exact_memory: true })?;
    let mut points = remember(plan, folder, &worker, report)?;
    // The first batch fills pools and caches.
    points.remove(0);
    if let Some(slope) = slope(&points) {
        report.line(&format!("\nSlope of what is allocated, from the first batch on: {} bytes a call.", figure(slope)));
    }
    drop(worker);
    if plan.rival {
        match Subject::rival(folder) {
            Ok(rival) => {
                let mut points = remember(plan, folder, &rival, report)?;
                points.remove(0);
                if let Some(slope) = slope(&points) {
                    report.line(&format!("\nSlope of the rival's RSS, from the first batch on: {} bytes a call.", figure(slope)));
                }
            }
            Err(error) => report.line(&format!("| the rival | {error} |")),
        }
    }
    Ok(())
}

/// Points of calls and bytes: what is allocated where that is told, else RSS.
fn remember(plan: &Plan, folder: &Path, subject: &Subject, report: &mut Report) -> io::Result<Vec<(f64, f64)>> {
    let mut points = Vec::new();
    for batch in 1..=plan.batches {
        let load = Load::start(folder, "uac_rtp_stream.xml", subject.target, plan.batch, 100, Duration::from_millis(500))?;
        let outcome = load.finish()?;
        settle(subject);
        let Usage { rss_kib, .. } = usage(subject.pid());
        let allocated = subject.gauge("allocated_bytes");
        let gauge = |name| or_dash(subject.gauge(name));
        let calls = batch * plan.batch;
        points.push((calls as f64, allocated.unwrap_or(rss_kib * 1_024.0)));
        report.row(&[
            subject.name.to_owned(),
            if outcome.failed == 0 { calls.to_string() } else { format!("{calls} ({} failed)", outcome.failed) },
            figure(rss_kib),
            or_dash(allocated.map(|bytes| bytes / 1_024.0)),
            gauge("calls_live"),
            gauge("sip_legs"),
            gauge("sip_dialogs"),
            gauge("sip_transactions"),
            gauge("rtp_ports_used"),
            gauge("tasks"),
        ]);
    }
    Ok(points)
}

/// Until the last transaction of the last call is over, or the rival had the time for it.
fn settle(subject: &Subject) {
    if !subject.is_worker() {
        sleep(Duration::from_secs(5));
        return;
    }
    let empty = |name| subject.gauge(name) == Some(0.0);
    for _ in 0..40 {
        sleep(Duration::from_millis(250));
        if empty("sip_transactions") && empty("calls_live") && empty("rtp_ports_used") {
            return;
        }
    }
}

/// Least squares.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let (x, y) = (points.iter().map(|point| point.0).sum::<f64>() / count, points.iter().map(|point| point.1).sum::<f64>() / count);
    let below: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    (points.len() > 1 && below > 0.0).then(|| points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / below)
}
