//! Our own offers, and what their answers agree to.

use super::answer::{check_transport, no_common_codec, ptime, telephone_event, their_direction};
use super::codec::AudioCodec;
use super::description::{Description, Format, Stream};
use super::error::SdpError;
use super::session::{Meaning, SdpSession, attribute, bare_media};
use super::{Direction, HoldState, LocalMedia, NegotiatedAudio, TelephoneEvent};

/// What an offer of ours said; kept until its answer arrives or the request fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingOffer {
    local: LocalMedia,
    codecs: Vec<(u8, AudioCodec)>,
    telephone_event: Option<(u8, u32)>,
    direction: Direction,
    /// Place of the audio among the m-lines.
    audio: usize,
}

/// Offers one audio stream with every codec of `local`. Within a dialog it keeps the m-lines and payload types of earlier exchanges; nothing
/// changed means the same version in `o=`, so a session refresh can use it too.
pub fn offer(local: &LocalMedia, hold: HoldState, session: &mut SdpSession) -> Result<(Vec<u8>, PendingOffer), SdpError> {
    let mut next = session.clone();
    let codecs: Vec<(u8, AudioCodec)> = local
        .codecs
        .iter()
        .filter_map(|codec| next.number_for(Meaning::Codec(*codec), codec.static_payload_type()).map(|number| (number, *codec)))
        .collect();
    let first = codecs.first().ok_or(SdpError::NothingToOffer)?.1;
    // One event format, on the clock of the codec most wanted: two would need two numbers, and narrowband trunks know one.
    let clock_rate = first.clock_rate();
    let telephone_event = local
        .telephone_event
        .and_then(|wanted| next.number_for(Meaning::TelephoneEvent { clock_rate }, Some(wanted)))
        .map(|number| (number, clock_rate));
    let pending = PendingOffer { local: local.clone(), codecs, telephone_event, direction: hold.into(), audio: next.audio() };

    let numbers = pending.codecs.iter().map(|(number, _)| *number).chain(telephone_event.map(|(number, _)| number));
    let fmt: Vec<String> = numbers.map(|number| number.to_string()).collect();
    let mut line = bare_media("audio", local.port, "RTP/AVP", &fmt.join(" "));
    line.attributes.extend(pending.codecs.iter().map(|(number, codec)| attribute("rtpmap", format!("{number} {}", codec.rtpmap()))));
    if let Some((number, clock_rate)) = telephone_event {
        line.attributes.push(attribute("rtpmap", format!("{number} telephone-event/{clock_rate}")));
        line.attributes.push(attribute("fmtp", format!("{number} 0-15")));
    }
    line.attributes.push(attribute("ptime", local.ptime.0.to_string()));
    line.attributes.push(attribute(pending.direction.attribute(), None));
    let medias = next.lines_around(line);
    let body = next.write(local.address, medias)?;
    *session = next;
    Ok((body, pending))
}

/// Reads the answer to `pending`. An answer that lacks lines of refused streams is taken as long as the audio is in its place.
pub fn accept_answer(pending: &PendingOffer, body: &[u8]) -> Result<NegotiatedAudio, SdpError> {
    let answer = Description::parse(body)?;
    let shape = SdpError::AnswerShape { answered: answer.streams.len(), wanted: pending.audio + 1 };
    let stream = answer.streams.get(pending.audio).filter(|stream| stream.is_audio()).ok_or(shape)?;
    if stream.port == 0 {
        return Err(SdpError::Refused);
    }
    check_transport(&stream.proto)?;
    pending.negotiated(stream)
}

impl PendingOffer {
    fn negotiated(&self, stream: &Stream) -> Result<NegotiatedAudio, SdpError> {
        let remote = stream.remote(self.local.address)?;
        let (format, codec, receive_payload_type) = stream
            .formats
            .iter()
            .find_map(|format| self.offered(format).map(|(codec, ours)| (format, codec, ours)))
            .ok_or_else(|| no_common_codec(stream, &self.local.codecs))?;
        let theirs = their_direction(stream, remote);
        let telephone_event = self.telephone_event.and_then(|(ours, _)| {
            telephone_event(&stream.formats, codec).map(|event| TelephoneEvent {
                payload_type: event.payload_type,
                receive_payload_type: ours,
                clock_rate: event.clock_rate,
            })
        });
        Ok(NegotiatedAudio {
            remote,
            codec,
            payload_type: format.payload_type,
            receive_payload_type,
            telephone_event,
            ptime: ptime(stream, self.local.ptime),
            direction: theirs.reversed().and(self.direction),
            held_by_peer: !theirs.receives(),
            rtcp: stream.rtcp_target(remote, false),
            rtcp_mux: false,
        })
    }

    /// The codec behind an answered format and the number we gave it.
    fn offered(&self, format: &Format) -> Option<(AudioCodec, u8)> {
        let answered = format.codec()?;
        self.codecs.iter().find(|(_, codec)| *codec == answered).map(|(number, codec)| (*codec, *number))
    }
}
