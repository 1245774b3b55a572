//! What one dialog remembers between offers and answers.

use super::codec::AudioCodec;
use super::description::{Format, Stream};
use super::error::SdpError;
use sdp_types::{Attribute, Connection, Media, Origin, Session, Time};
use std::net::IpAddr;

/// Our side of one dialog's descriptions: one for each dialog, kept for its whole life and never shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdpSession {
    id: u64,
    version: u64,
    last: Option<Vec<u8>>,
    /// The m-lines of the latest exchange: a later offer keeps their number and order (RFC 3264 section 8).
    lines: Vec<Line>,
    /// Which of them carries the audio.
    audio: usize,
    /// A number once bound keeps its meaning in this dialog (RFC 3264 section 8.3.2).
    bindings: Vec<Binding>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    kind: String,
    proto: String,
    fmt: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Binding {
    payload_type: u8,
    meaning: Meaning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Codec(AudioCodec),
    TelephoneEvent {
        clock_rate: u32,
    },
    /// Something the peer named that we do not speak: the number is taken.
    Other,
}

impl SdpSession {
    /// `id` becomes the session id of `o=`; it must not repeat for this worker's address (RFC 8866 section 5.2), so pass a random number. It is
    /// written in at most 62 bits because some peers read a signed one.
    pub fn new(id: u64) -> Self {
        Self { id: id >> 2, version: 1, last: None, lines: Vec::new(), audio: 0, bindings: Vec::new() }
    }

    /// Version in `o=` of the description made last; grows by one with each that differs from the one before.
    pub const fn version(&self) -> u64 {
        self.version
    }

    pub(super) const fn audio(&self) -> usize {
        self.audio
    }

    pub(super) fn remember_lines(&mut self, streams: &[Stream], audio: usize) {
        self.lines =
            streams.iter().map(|stream| Line { kind: stream.kind.clone(), proto: stream.proto.clone(), fmt: stream.fmt.clone() }).collect();
        self.audio = audio;
    }

    pub(super) fn bind_formats(&mut self, formats: &[Format]) {
        for format in formats {
            let meaning = match format.codec() {
                Some(codec) => Meaning::Codec(codec),
                None if format.is_telephone_event() => Meaning::TelephoneEvent { clock_rate: format.clock_rate },
                None => Meaning::Other,
            };
            self.bind(format.payload_type, meaning);
        }
    }

    /// The number that stands for `meaning` in this dialog: the one already bound, else `wanted`, else the next free dynamic one. `None` if
    /// all numbers are taken.
    pub(super) fn number_for(&mut self, meaning: Meaning, wanted: Option<u8>) -> Option<u8> {
        if let Some(bound) = self.bindings.iter().find(|binding| binding.meaning == meaning) {
            return Some(bound.payload_type);
        }
        let free = |number: &u8| self.bindings.iter().all(|binding| binding.payload_type != *number);
        let number = wanted.filter(free).or_else(|| (96..128).find(free))?;
        self.bind(number, meaning);
        Some(number)
    }

    fn bind(&mut self, payload_type: u8, meaning: Meaning) {
        match self.bindings.iter_mut().find(|binding| binding.payload_type == payload_type) {
            Some(binding) => binding.meaning = meaning,
            None => self.bindings.push(Binding { payload_type, meaning }),
        }
    }

    /// Our audio line at its place, every other line of this dialog refused with port 0.
    pub(super) fn lines_around(&self, audio: Media) -> Vec<Media> {
        let mut audio = Some(audio);
        let mut medias: Vec<Media> = Vec::with_capacity(self.lines.len().max(1));
        for (place, line) in self.lines.iter().enumerate() {
            match audio.take_if(|_| place == self.audio) {
                Some(ours) => medias.push(ours),
                None => medias.push(refused(line)),
            }
        }
        medias.extend(audio);
        medias
    }

    /// Writes the description; the version grows only if something else in it changed (RFC 3264 section 8).
    pub(super) fn write(&mut self, address: IpAddr, medias: Vec<Media>) -> Result<Vec<u8>, SdpError> {
        let mut session = Session::new(Origin::with_ip_addr(self.id, self.version, address), "-");
        session.connection = Some(Connection::from_ip_addr(address));
        session.times = vec![Time { start_time: 0, stop_time: 0, repeats: Vec::new() }];
        session.medias = medias;
        let mut body = written(&session)?;
        if self.last.as_ref().is_some_and(|last| *last != body) {
            self.version += 1;
            session.origin.sess_version = self.version;
            body = written(&session)?;
        }
        self.last = Some(body.clone());
        Ok(body)
    }
}

fn written(session: &Session) -> Result<Vec<u8>, SdpError> {
    let mut body = Vec::with_capacity(320);
    session.write(&mut body).map_err(|error| SdpError::Malformed { problem: format!("writing our description failed: {error}") })?;
    Ok(body)
}

fn refused(line: &Line) -> Media {
    bare_media(&line.kind, 0, &line.proto, &line.fmt)
}

pub(super) fn bare_media(kind: &str, port: u16, proto: &str, fmt: &str) -> Media {
    Media {
        media: kind.to_owned(),
        port,
        num_ports: None,
        proto: proto.to_owned(),
        fmt: fmt.to_owned(),
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

pub(super) fn attribute(name: &str, value: impl Into<Option<String>>) -> Attribute {
    Attribute { attribute: name.to_owned(), value: value.into() }
}
