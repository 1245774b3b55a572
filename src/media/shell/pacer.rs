//! The pacer: one thread, one absolute 20 ms schedule, every leg. It sleeps to the next deadline, never for a span, so no error adds up;
//! where it was stalled for longer than it may catch up it skips the missed ticks in time instead of sending them in a burst.

use super::engine::{Clock, FactSink, Tap};
use super::histogram::Histogram;
use super::ports::{PortPair, PortPool};
use super::recorder::Recording;
use crate::media::{FRAME_MICROS, LegStats, MAX_DATAGRAM, MediaOrder, Mixer, Outgoing, Session};
use crate::model::{UtteranceId, WorkerTime};
use std::net::UdpSocket;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Datagrams read of one leg in one tick; the rest waits in the kernel, which drops what is too much.
const READ_BUDGET: usize = 64;
/// Ticks late that are caught up one after the other; more are skipped.
const CATCH_UP: u64 = 3;
/// Ticks between two copies of the statistics.
const SELDOM: u64 = 25;
/// Longer than any packet this worker takes; what is longer is cut by the kernel and malformed.
const LARGEST: usize = 2_048;

/// What a handle says to its leg.
pub(super) enum Control {
    Order(MediaOrder),
    Tap(Option<Tap>),
    Record(Box<Recording>),
    StopRecording,
}

pub(super) struct Chunk {
    pub(super) utterance: UtteranceId,
    pub(super) samples: Arc<[i16]>,
    pub(super) last: bool,
}

/// What handle and pacer share of one leg.
#[derive(Default)]
pub(super) struct LegShared {
    pub(super) closing: AtomicBool,
    /// Samples enqueued and not yet played or dropped.
    pub(super) queued: AtomicUsize,
    pub(super) stats: Mutex<LegStats>,
}

pub(super) struct Leg {
    pub(super) ports: PortPair,
    pub(super) session: Session,
    pub(super) controls: Receiver<Control>,
    pub(super) chunks: Receiver<Chunk>,
    pub(super) shared: Arc<LegShared>,
    pub(super) sink: FactSink,
    pub(super) tap: Option<Tap>,
    pub(super) recording: Option<Box<Recording>>,
    /// A chunk the session had no room for yet.
    pub(super) waiting: Option<Chunk>,
}

pub(super) struct PacerShared {
    pub(super) stop: AtomicBool,
    pub(super) legs: AtomicUsize,
    pub(super) ticks: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) lateness: Histogram,
    pub(super) work: Histogram,
    pub(super) ports: Mutex<PortPool>,
}

pub(super) struct Pacer {
    pub(super) clock: Clock,
    pub(super) shared: Arc<PacerShared>,
    pub(super) new_legs: Receiver<Box<Leg>>,
}

impl Pacer {
    pub(super) fn run(self) {
        let mut legs: Vec<Leg> = Vec::new();
        let mut mixer = Mixer::default();
        let mut buffer = vec![0; LARGEST];
        let mut deadline = (self.clock)().after(Duration::from_micros(FRAME_MICROS));
        let mut tick = 0_u64;
        while !self.shared.stop.load(Ordering::Acquire) {
            let at = self.sleep_until(deadline);
            let late = at.since(deadline);
            self.shared.lateness.record(late);
            let skipped = ticks_to_skip(late);
            self.shared.skipped.fetch_add(skipped, Ordering::Relaxed);
            legs.extend(self.new_legs.try_iter().map(|leg| *leg));
            self.tick(at, tick, skipped, &mut legs, &mut mixer, &mut buffer);
            deadline = deadline.after(Duration::from_micros(FRAME_MICROS * (1 + skipped)));
            tick += 1;
            self.shared.legs.store(legs.len(), Ordering::Relaxed);
            self.shared.ticks.store(tick, Ordering::Relaxed);
            self.shared.work.record((self.clock)().since(at));
        }
        let at = (self.clock)();
        legs.extend(self.new_legs.try_iter().map(|leg| *leg));
        legs.drain(..).for_each(|leg| self.close(at, leg, &mut buffer));
        self.shared.legs.store(0, Ordering::Relaxed);
    }

    fn sleep_until(&self, deadline: WorkerTime) -> WorkerTime {
        loop {
            let now = (self.clock)();
            if now >= deadline || self.shared.stop.load(Ordering::Acquire) {
                return now;
            }
            std::thread::sleep(deadline.since(now));
        }
    }

    fn tick(&self, at: WorkerTime, tick: u64, skipped: u64, legs: &mut Vec<Leg>, mixer: &mut Mixer, buffer: &mut [u8]) {
        mixer.clear();
        for (place, leg) in legs.iter_mut().enumerate() {
            let seldom = (tick + place as u64).is_multiple_of(SELDOM);
            leg.guarded(|leg| {
                if skipped > 0 {
                    leg.session.skip(skipped);
                }
                leg.take_orders(at);
                leg.read(at, buffer);
                leg.hear(at, mixer);
                if seldom {
                    leg.publish_stats();
                }
            });
        }
        for leg in legs.iter_mut() {
            leg.guarded(|leg| {
                leg.speak(at, mixer, buffer);
                leg.tell();
            });
        }
        let mut place = 0;
        while place < legs.len() {
            if legs[place].is_closing() {
                let leg = legs.swap_remove(place);
                self.close(at, leg, buffer);
            } else {
                place += 1;
            }
        }
    }

    fn close(&self, at: WorkerTime, mut leg: Leg, buffer: &mut [u8]) {
        leg.shared.closing.store(true, Ordering::Release);
        leg.guarded(|leg| {
            leg.take_orders(at);
            if let Some(goodbye) = leg.session.close(at, buffer) {
                let _ = leg.ports.rtcp.send_to(&buffer[..goodbye.length], goodbye.to);
            }
            leg.publish_stats();
            leg.recording = None;
            leg.tell();
        });
        let port = leg.ports.port;
        drop(leg);
        self.shared.ports.lock().unwrap_or_else(std::sync::PoisonError::into_inner).release(at, port);
    }
}

/// The missed ticks that are given up: none while they are few enough to catch up.
fn ticks_to_skip(late: Duration) -> u64 {
    let missed = u64::try_from(late.as_micros()).unwrap_or(u64::MAX) / FRAME_MICROS;
    if missed > CATCH_UP { missed } else { 0 }
}

impl Leg {
    fn is_closing(&self) -> bool {
        self.session.is_closing() || self.shared.closing.load(Ordering::Acquire)
    }

    /// Audio first, so that a cut that was ordered after a chunk finds it.
    fn take_orders(&mut self, at: WorkerTime) {
        self.take_chunks();
        while let Ok(control) = self.controls.try_recv() {
            match control {
                // Also what had no room in the session yet.
                Control::Order(MediaOrder::StopAll) => loop {
                    self.session.handle(at, &MediaOrder::StopAll);
                    if !self.take_chunks() {
                        break;
                    }
                },
                Control::Order(order) => self.session.handle(at, &order),
                Control::Tap(tap) => self.tap = tap,
                Control::Record(recording) => self.recording = Some(recording),
                Control::StopRecording => self.recording = None,
            }
        }
    }

    /// True if chunks are left for which the session has no room.
    fn take_chunks(&mut self) -> bool {
        while let Some(chunk) = self.waiting.take().or_else(|| self.chunks.try_recv().ok()) {
            if self.session.enqueue(chunk.utterance, Arc::clone(&chunk.samples), chunk.last).is_err() {
                self.waiting = Some(chunk);
                return true;
            }
        }
        false
    }

    /// A panic in one leg (a tap, a sink) ends that leg and no other.
    fn guarded(&mut self, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            self.tap = None;
            self.shared.closing.store(true, Ordering::Release);
        }
    }

    fn read(&mut self, at: WorkerTime, buffer: &mut [u8]) {
        let session = &mut self.session;
        drain(&self.ports.rtp, buffer, |from, datagram| session.on_packet(at, from, datagram));
        drain(&self.ports.rtcp, buffer, |from, datagram| session.on_rtcp(at, from, datagram));
    }

    fn hear(&mut self, at: WorkerTime, mixer: &mut Mixer) {
        self.session.receive(at);
        if let Some(tap) = &mut self.tap {
            tap(self.session.for_recogniser());
        }
        if let Some(room) = self.session.room() {
            mixer.add(room, self.session.heard());
        }
    }

    fn speak(&mut self, at: WorkerTime, mixer: &Mixer, buffer: &mut [u8]) {
        let others = self.session.room().and_then(|room| mixer.others(room, self.session.heard()));
        let (datagram, report) = buffer.split_at_mut(MAX_DATAGRAM);
        if let Some(Outgoing { to, length }) = self.session.transmit(others.as_ref(), datagram)
            && self.ports.rtp.send_to(&datagram[..length], to).is_err()
        {
            self.session.on_send_error();
        }
        if let Some(recording) = &mut self.recording {
            recording.on_frame(self.session.heard(), self.session.said());
        }
        if let Some(Outgoing { to, length }) = self.session.report(at, report) {
            let _ = self.ports.rtcp.send_to(&report[..length], to);
        }
        let freed = self.session.take_freed();
        if freed > 0 {
            self.shared.queued.fetch_sub(freed, Ordering::AcqRel);
        }
    }

    fn tell(&mut self) {
        while let Some(fact) = self.session.poll_fact() {
            (self.sink)(fact);
        }
    }

    /// Whoever reads at this moment gets the old figures and does not hold the pacer up.
    fn publish_stats(&self) {
        if let Ok(mut stats) = self.shared.stats.try_lock() {
            *stats = self.session.stats();
        }
    }
}

/// Reads until nothing waits or the budget is spent. An error that is not "nothing waits" ends the tick's reading only.
fn drain(socket: &UdpSocket, buffer: &mut [u8], mut take: impl FnMut(std::net::SocketAddr, &[u8])) {
    for _ in 0..READ_BUDGET {
        match socket.recv_from(buffer) {
            Ok((length, from)) => take(from, &buffer[..length]),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pain_22_a_stall_is_skipped_in_time_and_a_short_one_is_caught_up() {
        assert_eq!(ticks_to_skip(Duration::from_millis(79)), 0);
        assert_eq!(ticks_to_skip(Duration::from_millis(80)), 4);
        assert_eq!(ticks_to_skip(Duration::from_millis(1_010)), 50);
    }
}
