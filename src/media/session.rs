//! One leg's media: packets and ticks in, packets, frames and facts out. No socket, no clock, no allocation per packet.

use super::dtmf::{DigitOut, DigitSender, EventReceiver, ToneDetector};
use super::ear::EarFilter;
use super::extras::Extras;
use super::jitter::{Jitter, Placed};
use super::playout::Playout;
use super::rtcp::{self, LastReport, Sending};
use super::rtp::{self, Arrival, RtpHeader, SequenceStats};
use super::source::{SourceLock, Verdict};
use super::vad::{SpeechEdge, Vad};
use super::{
    AudioCodec, AudioFormat, EventFormat, FRAME, Frame, LegMediaConfig, LegStats, MediaDirection, MediaFact, MediaOrder, PlayoutFull,
    RoomId, codec, mixer,
};
use crate::model::{DigitSource, Millis, UtteranceId, WorkerTime};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Room a caller of `transmit` and `report` must give.
pub const MAX_DATAGRAM: usize = if rtp::MAX_SENT > rtcp::MAX_REPORT { rtp::MAX_SENT } else { rtcp::MAX_REPORT };
/// Comfort noise (RFC 3389).
const COMFORT_NOISE: u8 = 13;
/// RTCP interval (RFC 3550 section 6.2), drawn from half to one and a half of it.
const REPORT_MICROS: u64 = 5_000_000;
/// Another SSRC is taken at once if the old one was silent this long, else after `SSRC_PATIENCE` packets in a row.
const SSRC_SILENT: Duration = Duration::from_millis(100);
const SSRC_PATIENCE: u32 = 3;
/// Longest payload decoded: 200 ms.
const MAX_SAMPLES: usize = 1_600;

/// A datagram to be sent: the first `length` octets of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub to: SocketAddr,
    pub length: usize,
}

pub struct Session {
    direction: MediaDirection,
    audio: AudioFormat,
    event: Option<EventFormat>,
    /// The event numbers of before the last renegotiation: such packets may still fly.
    old_event: Option<EventFormat>,
    lock: SourceLock,
    incoming: Incoming,
    jitter: Jitter,
    listener: codec::Listener,
    speaker: codec::Speaker,
    events: EventReceiver,
    tones: Option<ToneDetector>,
    ear: EarFilter,
    vad: Option<Vad>,
    playout: Playout,
    digits: DigitSender,
    outgoing: Sender,
    watch: Watch,
    extras: Extras,
    closing: bool,
    heard: Frame,
    said: Frame,
    stats: LegStats,
    facts: VecDeque<MediaFact>,
}

impl Session {
    pub fn new(at: WorkerTime, config: &LegMediaConfig) -> Self {
        Self {
            direction: config.direction,
            audio: config.audio,
            event: config.event,
            old_event: None,
            lock: SourceLock::new(config.latch, config.remote),
            incoming: Incoming::default(),
            jitter: Jitter::new(),
            listener: codec::Listener::default(),
            speaker: codec::Speaker::default(),
            events: EventReceiver::default(),
            tones: config.detect_tones.then(ToneDetector::default),
            ear: EarFilter::default(),
            vad: config.vad.map(Vad::new),
            playout: Playout::new(config.max_queued),
            digits: DigitSender::default(),
            outgoing: Sender::new(at, config.seed),
            watch: Watch { timeout: config.media_timeout, since: at, lost: false, expected: config.remote.is_some() },
            extras: Extras::default(),
            closing: false,
            heard: [0; FRAME],
            said: [0; FRAME],
            stats: LegStats::default(),
            facts: VecDeque::new(),
        }
    }

    /// A datagram from the RTP port.
    pub fn on_packet(&mut self, at: WorkerTime, from: SocketAddr, datagram: &[u8]) {
        if rtp::is_rtcp(datagram) {
            return self.on_rtcp(at, from, datagram);
        }
        let Ok((header, payload)) = rtp::read(datagram) else {
            self.stats.malformed += 1;
            return;
        };
        if !self.direction.receives() {
            return;
        }
        let Some(kind) = self.kind(header.payload_type) else {
            self.stats.unknown_payload += 1;
            return;
        };
        match self.lock.judge(from) {
            Verdict::Ours => {}
            Verdict::Moved => self.facts.push_back(MediaFact::SourceChanged { to: from }),
            Verdict::Stranger => {
                self.stats.strangers += 1;
                return;
            }
        }
        self.stats.received += 1;
        self.stats.received_octets += payload.len() as u64;
        if self.watch.seen(at) {
            self.facts.push_back(MediaFact::MediaBack);
        }
        self.extras.packet_came();
        match kind {
            Kind::Event => self.on_event(at, header, payload),
            Kind::Audio(codec) => self.on_audio(at, header, codec, payload),
            Kind::Comfort => {
                if self.count(at, header).is_some_and(|arrival| arrival != Arrival::Duplicate) {
                    self.jitter.comfort(header.timestamp, payload);
                }
            }
        }
    }

    /// A datagram from the RTCP port.
    pub fn on_rtcp(&mut self, at: WorkerTime, from: SocketAddr, datagram: &[u8]) {
        if !self.lock.is_peer_host(from) {
            self.stats.strangers += 1;
            return;
        }
        match rtcp::read(at, self.outgoing.ssrc, datagram, &mut self.incoming.report) {
            // A goodbye ends nothing: only SIP does.
            Ok(learned) => {
                self.stats.peer_lost = learned.peer_lost.unwrap_or(self.stats.peer_lost);
                self.stats.round_trip_ms = learned.round_trip_ms.unwrap_or(self.stats.round_trip_ms);
            }
            Err(rtcp::NotRtcp) => self.stats.malformed += 1,
        }
    }

    pub fn handle(&mut self, at: WorkerTime, order: &MediaOrder) {
        match order {
            MediaOrder::CutUtterance { utterance } => self.playout.cut(*utterance, &mut self.facts),
            MediaOrder::StopAll => {
                self.playout.cut_all(&mut self.facts);
                self.digits.clear();
                self.extras.silence();
            }
            MediaOrder::Pause => self.playout.pause(true),
            MediaOrder::Resume => self.playout.pause(false),
            MediaOrder::SetRemote { rtp } => {
                self.lock.signal(*rtp);
                self.watch.begin(at);
                self.watch.expected = !rtp.ip().is_unspecified();
            }
            MediaOrder::SetDirection { direction } => {
                if direction.receives() && !self.direction.receives() {
                    self.jitter.reset();
                    self.watch.begin(at);
                }
                self.outgoing.marker |= direction.sends() && !self.direction.sends();
                self.direction = *direction;
            }
            MediaOrder::SetCodec { audio, event } => {
                self.old_event = self.event.or(self.old_event).filter(|_| self.event != *event);
                (self.audio, self.event) = (*audio, *event);
            }
            MediaOrder::SendDigit { digit, duration } => {
                self.stats.digits_refused += u64::from(self.digits.enqueue(*digit, *duration).is_err());
            }
            MediaOrder::Join { room } => self.extras.join(*room),
            MediaOrder::Leave => self.extras.leave(),
            MediaOrder::StartMusic { music } => self.extras.start_music(music),
            MediaOrder::StopMusic => self.extras.stop_music(),
            MediaOrder::PlayChime { chime } => self.extras.chime(*chime),
            MediaOrder::ClassifyAnswer { budget } => self.extras.classify(*budget),
            MediaOrder::DetectSpeech { on: true } if self.vad.is_none() => self.vad = Some(Vad::new(super::VadConfig::default())),
            MediaOrder::DetectSpeech { on: true } => {}
            MediaOrder::DetectSpeech { on: false } => self.vad = None,
            MediaOrder::DetectTones { on: true } if self.tones.is_none() => self.tones = Some(ToneDetector::default()),
            MediaOrder::DetectTones { on: true } => {}
            MediaOrder::DetectTones { on: false } => self.tones = None,
            MediaOrder::Close => self.closing = true,
        }
    }

    /// Audio to be played; see `LegMedia::enqueue`.
    pub fn enqueue(&mut self, utterance: UtteranceId, samples: Arc<[i16]>, last: bool) -> Result<(), PlayoutFull> {
        self.playout.enqueue(utterance, samples, last)
    }

    /// The pacer was stalled: `frames` ticks did not happen. Time goes on without them; nothing is sent or played late for it.
    pub fn skip(&mut self, frames: u64) {
        self.jitter.skip(frames);
        self.outgoing.timestamp = self.outgoing.timestamp.wrapping_add((frames.wrapping_mul(FRAME as u64)) as u32);
        self.outgoing.marker = true;
        self.stats.skipped_frames += frames;
    }

    /// First half of a tick: the 20 ms the peer is heard in, silence where there is nothing.
    pub fn receive(&mut self, at: WorkerTime) -> &Frame {
        if self.direction.receives() {
            let played = self.jitter.play(at, &mut self.heard);
            self.stats.concealed_frames += u64::from(played.concealed);
            self.stats.adjusted_frames += u64::from(played.adjusted);
            self.stats.resyncs += u64::from(played.resynced);
            if self.watch.overdue(at) {
                self.lock.open();
                self.facts.push_back(MediaFact::MediaLost);
            }
        } else {
            self.heard.fill(0);
        }
        self.listen();
        &self.heard
    }

    /// Second half of a tick: the RTP packet to be sent, if one is due. `mixed` is what the other legs of the room say.
    pub fn transmit(&mut self, mixed: Option<&Frame>, out: &mut [u8]) -> Option<Outgoing> {
        let timestamp = self.outgoing.timestamp;
        self.outgoing.timestamp = timestamp.wrapping_add(FRAME as u32);
        self.said.fill(0);
        let to = self.lock.destination().filter(|_| self.direction.sends())?;
        let mut octets = [0; FRAME];
        let length = match self.digits.next(timestamp, self.event.is_some()) {
            Some(DigitOut::Event(packet)) => {
                let payload_type = self.event.map_or(101, |event| event.send);
                let length = self.outgoing.write(payload_type, packet.timestamp, packet.marker, &packet.payload, out);
                self.outgoing.marker = true;
                length
            }
            Some(DigitOut::Tone(tone)) => {
                self.said = *tone;
                self.send_audio(timestamp, &mut octets, out)
            }
            None => {
                let speaking = self.playout.next(&mut self.said, &mut self.facts);
                self.extras.mix(speaking, &mut self.said);
                if let Some(mixed) = mixed {
                    mixer::add(&mut self.said, mixed);
                    self.extras.relayed(&mut self.facts);
                }
                self.send_audio(timestamp, &mut octets, out)
            }
        };
        Some(Outgoing { to, length })
    }

    /// The RTCP report, if one is due; to the port above the peer's RTP port.
    pub fn report(&mut self, at: WorkerTime, out: &mut [u8]) -> Option<Outgoing> {
        if at < self.outgoing.next_report {
            return None;
        }
        self.outgoing.plan_report(at);
        if self.direction == MediaDirection::Inactive && self.outgoing.packets == 0 {
            return None;
        }
        self.write_report(at, false, out)
    }

    /// The last report, with BYE (RFC 3550 section 6.6); ends every utterance and says `Closed`.
    pub fn close(&mut self, at: WorkerTime, out: &mut [u8]) -> Option<Outgoing> {
        self.playout.cut_all(&mut self.facts);
        let stats = Box::new(self.stats());
        self.facts.push_back(MediaFact::Closed { stats });
        self.write_report(at, true, out).filter(|_| self.outgoing.packets > 0)
    }

    pub fn poll_fact(&mut self) -> Option<MediaFact> {
        self.facts.pop_front()
    }

    /// What `transmit` said last; silence if nothing.
    pub fn said(&self) -> &Frame {
        &self.said
    }

    /// What `receive` heard last, for a recogniser: without keys and without our own voice. Once a tick, between `receive` and `transmit`.
    pub fn for_recogniser(&mut self) -> &Frame {
        // A peer with telephone-events may send the tone as well; the events say so.
        self.ear.hear(&self.heard, &self.said, self.event.is_none());
        self.ear.frame()
    }

    /// What `receive` heard last.
    pub fn heard(&self) -> &Frame {
        &self.heard
    }

    pub fn room(&self) -> Option<RoomId> {
        self.extras.room()
    }

    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Samples that left the playout queue since the last call.
    pub fn take_freed(&mut self) -> usize {
        self.playout.take_freed()
    }

    pub fn on_send_error(&mut self) {
        self.stats.send_errors += 1;
    }

    pub fn stats(&self) -> LegStats {
        LegStats {
            sent: self.outgoing.packets,
            sent_octets: self.outgoing.octets,
            lost: self.incoming.sequence.lost(),
            jitter_micros: self.incoming.sequence.jitter().saturating_mul(125),
            buffer_ms: self.jitter.target_ms(),
            underrun_frames: self.playout.underruns(),
            stale_chunks: self.playout.stale(),
            digits_sent: self.digits.sent(),
            ..self.stats
        }
    }

    fn kind(&self, payload_type: u8) -> Option<Kind> {
        let is_event = |format: EventFormat| format.send == payload_type || format.receive == payload_type;
        match payload_type {
            number if number == self.audio.payload_type => Some(Kind::Audio(self.audio.codec)),
            _ if self.event.is_some_and(is_event) => Some(Kind::Event),
            number if number == AudioCodec::Pcmu.static_payload_type() => Some(Kind::Audio(AudioCodec::Pcmu)),
            number if number == AudioCodec::Pcma.static_payload_type() => Some(Kind::Audio(AudioCodec::Pcma)),
            number if number == AudioCodec::G722.static_payload_type() => Some(Kind::Audio(AudioCodec::G722)),
            COMFORT_NOISE => Some(Kind::Comfort),
            _ => self.old_event.is_some_and(is_event).then_some(Kind::Event),
        }
    }

    fn on_event(&mut self, at: WorkerTime, header: RtpHeader, payload: &[u8]) {
        self.count(at, header);
        self.ear.key_pressed();
        // Some peers give events a source of their own.
        if self.incoming.event_ssrc.replace(header.ssrc).is_some_and(|before| before != header.ssrc) {
            self.events.reset();
        }
        match self.events.on_packet(at, header.timestamp, header.marker, payload) {
            Ok(Some(digit)) => {
                self.stats.digits_received += 1;
                self.facts.push_back(MediaFact::DigitPressed { digit, source: DigitSource::Rfc4733 });
            }
            Ok(None) => {}
            Err(_) => self.stats.malformed += 1,
        }
    }

    fn on_audio(&mut self, at: WorkerTime, header: RtpHeader, codec: AudioCodec, payload: &[u8]) {
        if self.incoming.is_foreign(at, header.ssrc) {
            return;
        }
        if self.incoming.ssrc != Some(header.ssrc) {
            if self.incoming.ssrc.is_some() {
                self.stats.resyncs += 1;
            }
            self.incoming.begin(header.ssrc);
            self.jitter.reset();
            self.listener.reset();
        }
        self.incoming.at = at;
        if self.count(at, header) == Some(Arrival::Duplicate) {
            return;
        }
        let mut samples = [0; MAX_SAMPLES];
        let count = self.listener.decode(codec, payload, &mut samples);
        match self.jitter.insert(at, header.timestamp, &samples[..count]) {
            Placed::Taken => {}
            Placed::Late | Placed::Odd => self.stats.late += 1,
            Placed::Resynced => self.stats.resyncs += 1,
        }
    }

    /// Only packets of the audio's source say something of its loss.
    fn count(&mut self, at: WorkerTime, header: RtpHeader) -> Option<Arrival> {
        if self.incoming.ssrc != Some(header.ssrc) {
            return None;
        }
        let arrival = self.incoming.sequence.on_packet(header.sequence, header.timestamp, (at.micros() / 125) as u32);
        match arrival {
            Arrival::InOrder => {}
            Arrival::Reordered => self.stats.reordered += 1,
            Arrival::Duplicate => self.stats.duplicates += 1,
        }
        Some(arrival)
    }

    fn listen(&mut self) {
        self.extras.hear(&self.heard, &mut self.facts);
        if let Some(vad) = &mut self.vad {
            match vad.on_frame(&self.heard) {
                Some(SpeechEdge::Started) => self.facts.push_back(MediaFact::SpeechStarted),
                Some(SpeechEdge::Ended) => self.facts.push_back(MediaFact::SpeechEnded),
                None => {}
            }
        }
        // A peer with telephone-events may send the tone as well: the events count.
        if self.event.is_none()
            && let Some(digit) = self.tones.as_mut().and_then(|tones| tones.on_frame(&self.heard))
        {
            self.stats.digits_received += 1;
            self.facts.push_back(MediaFact::DigitPressed { digit, source: DigitSource::InBand });
        }
    }

    fn send_audio(&mut self, timestamp: u32, octets: &mut [u8; FRAME], out: &mut [u8]) -> usize {
        self.speaker.encode(self.audio.codec, &self.said, octets);
        let marker = std::mem::take(&mut self.outgoing.marker);
        self.outgoing.write(self.audio.payload_type, timestamp, marker, octets, out)
    }

    fn write_report(&mut self, at: WorkerTime, bye: bool, out: &mut [u8]) -> Option<Outgoing> {
        let mut to = self.lock.destination()?;
        to.set_port(to.port().checked_add(1)?);
        let sending = Sending {
            ssrc: self.outgoing.ssrc,
            packets: self.outgoing.packets as u32,
            octets: self.outgoing.octets as u32,
            timestamp: self.outgoing.timestamp,
        };
        let received = self.incoming.ssrc.map(|ssrc| (ssrc, &mut self.incoming.sequence, self.incoming.report));
        let length = rtcp::write(at, sending, received, bye, out);
        (length > 0).then_some(Outgoing { to, length })
    }
}

enum Kind {
    Audio(AudioCodec),
    Event,
    Comfort,
}

/// What is known of the peer's stream.
#[derive(Default)]
struct Incoming {
    ssrc: Option<u32>,
    event_ssrc: Option<u32>,
    other: Option<(u32, u32)>,
    at: WorkerTime,
    sequence: SequenceStats,
    report: LastReport,
}

impl Incoming {
    /// True while a packet of another SSRC may be a stray and not a new stream.
    fn is_foreign(&mut self, at: WorkerTime, ssrc: u32) -> bool {
        if self.ssrc.is_none_or(|known| known == ssrc) {
            self.other = None;
            return false;
        }
        let count = self.other.filter(|(other, _)| *other == ssrc).map_or(1, |(_, count)| count + 1);
        self.other = Some((ssrc, count));
        count < SSRC_PATIENCE && at.since(self.at) < SSRC_SILENT
    }

    fn begin(&mut self, ssrc: u32) {
        self.sequence.restart();
        self.ssrc = Some(ssrc);
        self.other = None;
        self.report = LastReport::default();
    }
}

/// What we send with.
struct Sender {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// The next audio packet begins a talkspurt (RFC 3551 section 4.1).
    marker: bool,
    packets: u64,
    octets: u64,
    random: u64,
    next_report: WorkerTime,
}

impl Sender {
    fn new(at: WorkerTime, seed: u64) -> Self {
        let mut sender =
            Self { ssrc: 0, sequence: 0, timestamp: 0, marker: true, packets: 0, octets: 0, random: seed, next_report: WorkerTime::ZERO };
        sender.ssrc = sender.draw() as u32;
        // The upper half stays free for a while: an early wrap trips poor receivers.
        sender.sequence = sender.draw() as u16 & 0x7fff;
        sender.timestamp = sender.draw() as u32;
        sender.plan_report(at);
        sender
    }

    fn write(&mut self, payload_type: u8, timestamp: u32, marker: bool, payload: &[u8], out: &mut [u8]) -> usize {
        let header = RtpHeader { marker, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        self.sequence = self.sequence.wrapping_add(1);
        self.packets += 1;
        self.octets += payload.len() as u64;
        rtp::write(header, payload, out)
    }

    fn plan_report(&mut self, at: WorkerTime) {
        let wait = REPORT_MICROS / 2 + self.draw() % REPORT_MICROS;
        self.next_report = at.after(Duration::from_micros(wait));
    }

    /// SplitMix64.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Whether the peer's media comes.
struct Watch {
    timeout: Millis,
    since: WorkerTime,
    lost: bool,
    expected: bool,
}

impl Watch {
    fn begin(&mut self, at: WorkerTime) {
        self.since = at;
    }

    /// True if it was lost before.
    fn seen(&mut self, at: WorkerTime) -> bool {
        self.since = at;
        std::mem::take(&mut self.lost)
    }

    /// True once, when it is missed.
    fn overdue(&mut self, at: WorkerTime) -> bool {
        let due = self.expected && !self.lost && self.timeout.0 > 0 && at.since(self.since) >= Duration::from(self.timeout);
        self.lost |= due;
        due
    }
}

#[cfg(test)]
mod tests;
