//! RTP packets (RFC 3550 section 5.1): strict reading, writing without allocation, receive statistics by sequence number.

use rtp_types::{RtpPacket, RtpPacketBuilder};

/// Largest datagram written: 12 octets of header and 20 ms of G.711.
pub(crate) const MAX_SENT: usize = 12 + super::FRAME;
/// Longest packet time taken: 200 ms of G.711. Longer payloads are malformed.
const MAX_PAYLOAD: usize = 1_600;

/// What is read of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

/// Not an RTP packet this module takes. Counted, never answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the datagram is no valid RTP packet")]
pub(crate) struct NotRtp;

/// Header and payload (padding and extension taken off).
pub(crate) fn read(datagram: &[u8]) -> Result<(RtpHeader, &[u8]), NotRtp> {
    let packet = RtpPacket::parse(datagram).map_err(|_| NotRtp)?;
    let start = packet.payload_offset();
    let payload = start.checked_add(packet.payload_len()).and_then(|end| datagram.get(start..end)).ok_or(NotRtp)?;
    if payload.len() > MAX_PAYLOAD {
        return Err(NotRtp);
    }
    let header = RtpHeader {
        marker: packet.marker_bit(),
        payload_type: packet.payload_type(),
        sequence: packet.sequence_number(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
    };
    Ok((header, payload))
}

/// Octets written; 0 if `out` is too small.
pub(crate) fn write(header: RtpHeader, payload: &[u8], out: &mut [u8]) -> usize {
    RtpPacketBuilder::<&[u8], &[u8]>::new()
        .marker_bit(header.marker)
        .payload_type(header.payload_type & 0x7f)
        .sequence_number(header.sequence)
        .timestamp(header.timestamp)
        .ssrc(header.ssrc)
        .payload(payload)
        .write_into(out)
        .unwrap_or(0)
}

/// True for RTCP that shares the RTP port (RFC 5761 section 4: payload types 200–207 in the second octet).
pub(crate) fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.len() >= 8 && datagram[0] >> 6 == 2 && (200..=207).contains(&datagram[1])
}

/// What a packet's sequence number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    InOrder,
    Reordered,
    Duplicate,
}

/// Loss, order and jitter of one source (RFC 3550 appendix A.1, A.3, A.8).
#[derive(Clone, Debug, Default)]
pub(crate) struct SequenceStats {
    highest: Option<u64>,
    first: u64,
    /// Bit n: `highest - n` was seen.
    seen: u64,
    received: u64,
    /// Lost before the sequence began anew.
    lost_before: u64,
    /// Interarrival jitter in sixteenths of a timestamp unit.
    jitter: u32,
    transit: Option<u32>,
    expected_at_report: u64,
    received_at_report: u64,
}

/// A jump of the sequence number beyond this is a restart of the sender.
const MAX_JUMP: i32 = 3_000;

impl SequenceStats {
    /// `arrival` in timestamp units.
    pub(crate) fn on_packet(&mut self, sequence: u16, timestamp: u32, arrival: u32) -> Arrival {
        let Some(highest) = self.highest else {
            self.begin(sequence);
            return Arrival::InOrder;
        };
        let step = i32::from(sequence.wrapping_sub(highest as u16) as i16);
        if step.abs() > MAX_JUMP {
            self.restart();
            self.begin(sequence);
            return Arrival::InOrder;
        }
        if step > 0 {
            self.highest = Some(highest + step.unsigned_abs() as u64);
            self.seen = self.seen.checked_shl(step.unsigned_abs()).unwrap_or(0) | 1;
            self.received += 1;
            self.measure(timestamp, arrival);
            return Arrival::InOrder;
        }
        let back = step.unsigned_abs();
        if back < 64 && self.seen & (1 << back) != 0 {
            return Arrival::Duplicate;
        }
        if back < 64 {
            self.seen |= 1 << back;
        }
        if highest - u64::from(back) < self.first {
            self.first = highest - u64::from(back);
        }
        self.received += 1;
        Arrival::Reordered
    }

    /// The next packet begins a new sequence; what was lost stays counted.
    pub(crate) fn restart(&mut self) {
        *self = Self { lost_before: self.lost(), ..Self::default() };
    }

    fn begin(&mut self, sequence: u16) {
        // One cycle up, so that a packet from before the first never goes below zero.
        let first = u64::from(sequence) + 0x1_0000;
        self.highest = Some(first);
        self.first = first;
        self.seen = 1;
        self.received = 1;
        self.transit = None;
    }

    fn measure(&mut self, timestamp: u32, arrival: u32) {
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let change = (transit.wrapping_sub(before) as i32).unsigned_abs().min(80_000);
            self.jitter = self.jitter.saturating_add(change).saturating_sub((self.jitter + 8) >> 4);
        }
    }

    fn expected(&self) -> u64 {
        self.highest.map_or(0, |highest| highest - self.first + 1)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost_before + self.expected().saturating_sub(self.received)
    }

    /// Interarrival jitter in timestamp units.
    pub(crate) fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    /// The extended highest sequence number as reports carry it.
    pub(crate) fn extended_highest(&self) -> u32 {
        self.highest.map_or(0, |highest| highest.saturating_sub(0x1_0000) as u32)
    }

    /// Share lost since the last call, of 256 (RFC 3550 appendix A.3).
    pub(crate) fn fraction_lost(&mut self) -> u8 {
        let expected = self.expected().saturating_sub(self.expected_at_report);
        let received = self.received.saturating_sub(self.received_at_report);
        (self.expected_at_report, self.received_at_report) = (self.expected(), self.received);
        let share = (expected.saturating_sub(received) * 256).checked_div(expected).unwrap_or(0);
        u8::try_from(share).unwrap_or(u8::MAX)
    }
}
