//! RTCP (RFC 3550 section 6): reports built and read. Times are worker time; as NTP time any base will do (section 4).

use super::rtp::SequenceStats;
use crate::model::WorkerTime;
use rtcp_types::{
    Bye, Compound, CompoundBuilder, Packet, ReceiverReport, ReportBlock, ReportBlockBuilder, RtcpPacketWriterExt, Sdes, SdesChunk,
    SdesItem, SenderReport,
};

/// Room for a report with one block, a name and a goodbye.
pub(crate) const MAX_REPORT: usize = 256;

/// What we tell in a report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending {
    pub(crate) ssrc: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
    /// Timestamp that belongs to the time of the report.
    pub(crate) timestamp: u32,
}

/// The peer's last sender report, to be echoed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LastReport {
    middle: u32,
    at: Option<WorkerTime>,
}

/// What a datagram from the peer told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Learned {
    /// Packets of ours the peer says it lost.
    pub(crate) peer_lost: Option<u32>,
    pub(crate) round_trip_ms: Option<u32>,
    pub(crate) goodbye: bool,
}

/// The datagram is no RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the datagram is no valid RTCP packet")]
pub(crate) struct NotRtcp;

/// Octets written; 0 if `out` is too small. A sender report where something was sent, a receiver report otherwise.
pub(crate) fn write(
    at: WorkerTime,
    sending: Sending,
    received: Option<(u32, &mut SequenceStats, LastReport)>,
    bye: bool,
    out: &mut [u8],
) -> usize {
    let block = received.map(|(ssrc, stats, last)| block(at, ssrc, stats, last));
    let name = format!("{:08x}@voice-worker", sending.ssrc);
    let sdes = Sdes::builder().add_chunk(SdesChunk::builder(sending.ssrc).add_item(SdesItem::builder(SdesItem::CNAME, &name)));
    let mut compound = CompoundBuilder::default();
    if sending.packets > 0 {
        let mut report = SenderReport::builder(sending.ssrc)
            .ntp_timestamp(ntp(at))
            .rtp_timestamp(sending.timestamp)
            .packet_count(sending.packets)
            .octet_count(sending.octets);
        if let Some(block) = block {
            report = report.add_report_block(block);
        }
        compound = compound.add_packet(report);
    } else {
        let mut report = ReceiverReport::builder(sending.ssrc);
        if let Some(block) = block {
            report = report.add_report_block(block);
        }
        compound = compound.add_packet(report);
    }
    compound = compound.add_packet(sdes);
    if bye {
        compound = compound.add_packet(Bye::builder().add_source(sending.ssrc));
    }
    compound.write_into(out).unwrap_or(0)
}

/// Reads a compound datagram; `ours` is our SSRC, `last` is updated by a sender report.
pub(crate) fn read(at: WorkerTime, ours: u32, datagram: &[u8], last: &mut LastReport) -> Result<Learned, NotRtcp> {
    let mut learned = Learned::default();
    for packet in Compound::parse(datagram).map_err(|_| NotRtcp)? {
        match packet.map_err(|_| NotRtcp)? {
            Packet::Sr(report) => {
                *last = LastReport { middle: (report.ntp_timestamp() >> 16) as u32, at: Some(at) };
                report.report_blocks().for_each(|block| learn(at, ours, &block, &mut learned));
            }
            Packet::Rr(report) => report.report_blocks().for_each(|block| learn(at, ours, &block, &mut learned)),
            Packet::Bye(_) => learned.goodbye = true,
            Packet::App(_)
            | Packet::Sdes(_)
            | Packet::TransportFeedback(_)
            | Packet::PayloadFeedback(_)
            | Packet::Xr(_)
            | Packet::Unknown(_) => {}
        }
    }
    Ok(learned)
}

fn block(at: WorkerTime, ssrc: u32, stats: &mut SequenceStats, last: LastReport) -> ReportBlockBuilder {
    // In units of 1/65536 second (section 6.4.1).
    let delay = last.at.map_or(0, |then| (at.since(then).as_micros() * 65_536 / 1_000_000).min(u128::from(u32::MAX)) as u32);
    ReportBlock::builder(ssrc)
        .fraction_lost(stats.fraction_lost())
        .cumulative_lost(stats.lost().min(0x7f_ffff) as u32)
        .extended_sequence_number(stats.extended_highest())
        .interarrival_jitter(stats.jitter())
        .last_sender_report_timestamp(last.middle)
        .delay_since_last_sender_report_timestamp(delay)
}

fn learn(at: WorkerTime, ours: u32, block: &ReportBlock<'_>, learned: &mut Learned) {
    if block.ssrc() != ours {
        return;
    }
    learned.peer_lost = Some(block.cumulative_lost());
    let echoed = block.last_sender_report_timestamp();
    if echoed == 0 {
        return;
    }
    let now = (ntp(at) >> 16) as u32;
    let trip = now.wrapping_sub(echoed).wrapping_sub(block.delay_since_last_sender_report_timestamp());
    // A minute of round trip is a wrong clock, not a far peer.
    if trip < 60 * 65_536 {
        learned.round_trip_ms = Some((u64::from(trip) * 1_000 / 65_536) as u32);
    }
}

/// 32.32 seconds; one second up, so that no report carries 0, which means "none".
fn ntp(at: WorkerTime) -> u64 {
    let micros = u128::from(at.micros()) + 1_000_000;
    ((micros << 32) / 1_000_000) as u64
}
