//! answer = f(offer, what we can do, hold).

use super::clean::MAX_STREAMS;
use super::codec::AudioCodec;
use super::description::{Format, Offer, Stream};
use super::error::{SdpError, quoted};
use super::session::{SdpSession, attribute, bare_media};
use super::{Direction, HoldState, LocalMedia, NegotiatedAudio, TelephoneEvent};
use crate::model::Millis;
use sdp_types::Media;
use std::net::SocketAddr;

/// Answers `offer` with the first audio line that can be used; every other line is refused in its place. The body has exactly as many m-lines
/// as the offer. `session` is changed only on success.
pub fn answer(
    offer: &Offer,
    local: &LocalMedia,
    hold: HoldState,
    session: &mut SdpSession,
) -> Result<(Vec<u8>, NegotiatedAudio), SdpError> {
    let streams = &offer.0.streams;
    let (place, chosen) = first_usable(streams, local)?;
    let stream = &streams[place];
    let audio = chosen.negotiated(stream, local, hold);

    let mut next = session.clone();
    next.remember_lines(streams, place);
    next.bind_formats(&stream.formats);
    let medias = next.lines_around(audio_line(stream, local, &audio));
    if medias.len() != streams.len() || medias.len() > MAX_STREAMS {
        return Err(SdpError::LineCount { written: streams.len(), parsed: medias.len() });
    }
    let body = next.write(local.address, medias)?;
    *session = next;
    Ok((body, audio))
}

/// What was picked of one audio line.
struct Chosen {
    remote: SocketAddr,
    codec: AudioCodec,
    payload_type: u8,
    telephone_event: Option<TelephoneEvent>,
}

/// The error is that of the first audio line that is not switched off.
fn first_usable(streams: &[Stream], local: &LocalMedia) -> Result<(usize, Chosen), SdpError> {
    let mut first_problem = None;
    for (place, stream) in streams.iter().enumerate().filter(|(_, stream)| stream.is_audio() && stream.port != 0) {
        match choose(stream, local) {
            Ok(chosen) => return Ok((place, chosen)),
            Err(problem) => {
                first_problem.get_or_insert(problem);
            }
        }
    }
    Err(first_problem.unwrap_or_else(|| SdpError::NoAudio { offered: kinds(streams) }))
}

fn choose(stream: &Stream, local: &LocalMedia) -> Result<Chosen, SdpError> {
    check_transport(&stream.proto)?;
    let remote = stream.remote(local.address)?;
    let spoken = stream.formats.iter().filter_map(|format| format.codec().map(|codec| (format, codec)));
    // The first of those that rank the same: that is the peer's own order.
    let (_, format, codec) = spoken
        .filter_map(|(format, codec)| rank(codec, &local.codecs).map(|rank| (rank, format, codec)))
        .min_by_key(|(rank, _, _)| *rank)
        .ok_or_else(|| no_common_codec(stream, &local.codecs))?;
    let telephone_event = local.telephone_event.and(telephone_event(&stream.formats, codec)).map(|event| TelephoneEvent {
        payload_type: event.payload_type,
        receive_payload_type: event.payload_type,
        clock_rate: event.clock_rate,
    });
    Ok(Chosen { remote, codec, payload_type: format.payload_type, telephone_event })
}

/// Place in our order of preference; `None` for a codec that is not in it. The two laws of G.711 sound alike, so the peer chooses between them.
fn rank(codec: AudioCodec, ours: &[AudioCodec]) -> Option<usize> {
    let is_g711 = |codec: AudioCodec| matches!(codec, AudioCodec::Pcmu | AudioCodec::Pcma);
    let place = ours.iter().position(|one| *one == codec)?;
    if is_g711(codec) { ours.iter().position(|one| is_g711(*one)) } else { Some(place) }
}

impl Chosen {
    fn negotiated(&self, stream: &Stream, local: &LocalMedia, hold: HoldState) -> NegotiatedAudio {
        let theirs = their_direction(stream, self.remote);
        let rtcp_mux = stream.rtcp_mux && local.rtcp_mux;
        NegotiatedAudio {
            remote: self.remote,
            codec: self.codec,
            payload_type: self.payload_type,
            receive_payload_type: self.payload_type,
            telephone_event: self.telephone_event,
            ptime: ptime(stream, local.ptime),
            direction: theirs.reversed().and(hold.into()),
            held_by_peer: !theirs.receives(),
            rtcp: stream.rtcp_target(self.remote, rtcp_mux),
            rtcp_mux,
        }
    }
}

/// `RTP/AVPF` is taken too: feedback is optional to send, and a peer that offers it alone would otherwise get no audio at all.
pub(super) fn check_transport(proto: &str) -> Result<(), SdpError> {
    let upper = proto.to_ascii_uppercase();
    match upper.as_str() {
        "RTP/AVP" | "RTP/AVPF" => Ok(()),
        secure if secure.contains("SAVP") => Err(SdpError::SecureMediaOnly { proto: quoted(&upper) }),
        _ => Err(SdpError::Transport { proto: quoted(proto) }),
    }
}

/// The event format with the codec's clock (RFC 4733 section 2.1), else the first one.
pub(super) fn telephone_event(formats: &[Format], codec: AudioCodec) -> Option<&Format> {
    let events = || formats.iter().filter(|format| format.is_telephone_event());
    events().find(|format| format.clock_rate == codec.clock_rate()).or_else(|| events().next())
}

/// A peer at an unspecified address receives nothing, whatever its attribute says (RFC 3264 section 8.4).
pub(super) fn their_direction(stream: &Stream, remote: SocketAddr) -> Direction {
    if remote.ip().is_unspecified() { stream.direction.and(Direction::SendOnly) } else { stream.direction }
}

pub(super) fn ptime(stream: &Stream, ours: Millis) -> Millis {
    let wanted = stream.ptime.filter(|ptime| (10..=60).contains(&ptime.0) && ptime.0 % 10 == 0).unwrap_or(ours);
    match stream.maxptime {
        Some(most) if most < wanted && most.0 >= 10 => Millis(most.0 - most.0 % 10),
        Some(_) | None => wanted,
    }
}

pub(super) fn no_common_codec(stream: &Stream, ours: &[AudioCodec]) -> SdpError {
    let names = stream.formats.iter().filter(|format| !format.is_telephone_event());
    let theirs: Vec<String> = names.map(|format| format!("{}/{}", format.name, format.clock_rate)).collect();
    let theirs = if theirs.is_empty() { format!("payload types {} without a name", stream.fmt) } else { theirs.join(", ") };
    let ours: Vec<&str> = ours.iter().map(|codec| codec.encoding_name()).collect();
    SdpError::NoCommonCodec { theirs: quoted(&theirs), ours: ours.join(", ") }
}

fn kinds(streams: &[Stream]) -> String {
    if streams.is_empty() {
        return "no stream".to_owned();
    }
    let words: Vec<String> = streams.iter().map(|s| if s.port == 0 { format!("{} (off)", s.kind) } else { s.kind.clone() }).collect();
    quoted(&words.join(", "))
}

/// One codec only: the peer cannot switch to another one in mid-stream.
fn audio_line(stream: &Stream, local: &LocalMedia, audio: &NegotiatedAudio) -> Media {
    let event = audio.telephone_event;
    let fmt = match event {
        Some(event) => format!("{} {}", audio.payload_type, event.payload_type),
        None => audio.payload_type.to_string(),
    };
    let mut line = bare_media(&stream.kind, local.port, &stream.proto, &fmt);
    line.attributes.push(attribute("rtpmap", format!("{} {}", audio.payload_type, audio.codec.rtpmap())));
    if let Some(event) = event {
        line.attributes.push(attribute("rtpmap", format!("{} telephone-event/{}", event.payload_type, event.clock_rate)));
        line.attributes.push(attribute("fmtp", format!("{} 0-15", event.payload_type)));
    }
    line.attributes.push(attribute("ptime", local.ptime.0.to_string()));
    line.attributes.push(attribute(audio.direction.attribute(), None));
    if audio.rtcp_mux {
        line.attributes.push(attribute("rtcp-mux", None));
    }
    line
}
