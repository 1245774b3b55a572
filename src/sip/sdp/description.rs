//! A peer's description, read into what negotiating audio needs.

use super::Direction;
use super::clean::clean;
use super::codec::AudioCodec;
use super::error::{SdpError, quoted};
use crate::model::Millis;
use sdp_types::{Attribute, Connection, Media, Session};
use std::net::{IpAddr, SocketAddr};

/// A peer's offer; every m-line of it is here, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer(pub(super) Description);

impl Offer {
    /// Reads a body of type `application/sdp` (see [`sdp_part`](super::sdp_part) for others). Lenient in form, strict in one thing: no m-line
    /// is lost.
    pub fn parse(body: &[u8]) -> Result<Self, SdpError> {
        Description::parse(body).map(Self)
    }

    /// One line for logs and timelines, e.g. `audio sendrecv PCMU/8000 PCMA/8000; image refused`; no address in it.
    pub fn summary(&self) -> String {
        self.0.summary()
    }
}

/// What was read of a description, offer or answer alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) streams: Vec<Stream>,
}

/// One m-line with its attributes; session-level values are already filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    /// `audio`, `video`, `image`, …, as written.
    pub(super) kind: String,
    /// 0: disabled or refused.
    pub(super) port: u16,
    pub(super) proto: String,
    /// The formats as written; copied into a refusal.
    pub(super) fmt: String,
    /// The address as written, `None` if there is no `c=` for this stream.
    pub(super) address: Option<String>,
    pub(super) direction: Direction,
    /// Formats in the order of the m-line; those without an `a=rtpmap` only if their number is static and known.
    pub(super) formats: Vec<Format>,
    pub(super) ptime: Option<Millis>,
    pub(super) maxptime: Option<Millis>,
    pub(super) rtcp: Option<(u16, Option<IpAddr>)>,
    pub(super) rtcp_mux: bool,
}

/// One payload type and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) payload_type: u8,
    pub(super) name: String,
    pub(super) clock_rate: u32,
    pub(super) channels: u8,
}

impl Description {
    pub(super) fn parse(body: &[u8]) -> Result<Self, SdpError> {
        let clean = clean(body)?;
        let session = Session::parse(clean.text.as_bytes()).map_err(|error| SdpError::Malformed { problem: quoted(&error.to_string()) })?;
        if session.medias.len() != clean.streams {
            return Err(SdpError::LineCount { written: clean.streams, parsed: session.medias.len() });
        }
        let streams = session.medias.iter().map(|media| Stream::read(media, &session)).collect();
        Ok(Self { streams })
    }

    fn summary(&self) -> String {
        let words: Vec<String> = self.streams.iter().map(Stream::summary).collect();
        quoted(&words.join("; "))
    }
}

impl Stream {
    fn read(media: &Media, session: &Session) -> Self {
        let connection = media.connections.first().or(session.connection.as_ref());
        Self {
            kind: media.media.clone(),
            port: media.port,
            proto: media.proto.clone(),
            fmt: media.fmt.clone(),
            address: connection.map(written_address),
            direction: direction(&media.attributes).or_else(|| direction(&session.attributes)).unwrap_or_default(),
            formats: formats(media),
            ptime: value(&media.attributes, "ptime").and_then(millis),
            maxptime: value(&media.attributes, "maxptime").and_then(millis),
            rtcp: value(&media.attributes, "rtcp").and_then(rtcp),
            rtcp_mux: media.attributes.iter().any(|attribute| attribute.attribute == "rtcp-mux"),
        }
    }

    pub(super) fn is_audio(&self) -> bool {
        self.kind.eq_ignore_ascii_case("audio")
    }

    /// Where to send, and whether the peer wants nothing sent because its address is unspecified (RFC 3264 section 8.4).
    pub(super) fn remote(&self, ours: IpAddr) -> Result<SocketAddr, SdpError> {
        let unusable = |problem| SdpError::Address { address: quoted(self.address.as_deref().unwrap_or_default()), problem };
        let written = self.address.as_deref().ok_or_else(|| unusable("there is no c= line for the audio stream"))?;
        let address: IpAddr = written.parse().map_err(|_| unusable("it is no IP address; names are not looked up here"))?;
        if address.is_multicast() || address == IpAddr::from([255, 255, 255, 255]) {
            return Err(unusable("calls are not sent to multicast or broadcast addresses"));
        }
        if address.is_ipv4() != ours.is_ipv4() && !address.is_unspecified() {
            return Err(SdpError::AddressFamily { theirs: address, ours });
        }
        Ok(SocketAddr::new(address, self.port))
    }

    /// Our RTCP's target, given our RTP's.
    pub(super) fn rtcp_target(&self, remote: SocketAddr, mux: bool) -> Option<SocketAddr> {
        if mux {
            return Some(remote);
        }
        match self.rtcp {
            Some((0, _)) => None,
            Some((port, address)) => Some(SocketAddr::new(address.unwrap_or(remote.ip()), port)),
            None => remote.port().checked_add(1).map(|port| SocketAddr::new(remote.ip(), port)),
        }
    }

    fn summary(&self) -> String {
        if self.port == 0 {
            return format!("{} refused", self.kind);
        }
        if !self.is_audio() {
            return format!("{} {}", self.kind, self.proto);
        }
        let names: Vec<String> = self.formats.iter().map(|format| format!("{}/{}", format.name, format.clock_rate)).collect();
        format!("{} {} {}", self.kind, self.direction.attribute(), names.join(" "))
    }
}

impl Format {
    pub(super) fn codec(&self) -> Option<AudioCodec> {
        AudioCodec::from_encoding(&self.name, self.clock_rate, self.channels)
    }

    pub(super) fn is_telephone_event(&self) -> bool {
        self.name.eq_ignore_ascii_case("telephone-event")
    }

    /// `a=rtpmap:96 opus/48000/2`, blanks anywhere.
    fn from_rtpmap(text: &str) -> Option<Self> {
        let (payload_type, encoding) = text.trim().split_once(char::is_whitespace)?;
        let mut parts = encoding.trim().split('/').map(str::trim);
        Some(Self {
            payload_type: payload_type.trim().parse().ok().filter(|number| *number < 128)?,
            name: parts.next().filter(|name| !name.is_empty())?.to_owned(),
            clock_rate: parts.next()?.parse().ok().filter(|rate| *rate > 0)?,
            channels: parts.next().and_then(|count| count.parse().ok()).unwrap_or(1),
        })
    }

    fn from_static(payload_type: u8) -> Option<Self> {
        AudioCodec::from_static(payload_type).map(|codec| Self {
            payload_type,
            name: codec.encoding_name().to_owned(),
            clock_rate: codec.clock_rate(),
            channels: codec.channels(),
        })
    }
}

/// An `a=rtpmap` wins over the static table; a number with neither is left out.
fn formats(media: &Media) -> Vec<Format> {
    let mapped: Vec<Format> = values(&media.attributes, "rtpmap").filter_map(Format::from_rtpmap).collect();
    let mut known: Vec<Format> = Vec::new();
    for number in media.fmt.split_whitespace().filter_map(|word| word.parse::<u8>().ok()) {
        let format = mapped.iter().find(|format| format.payload_type == number).cloned().or_else(|| Format::from_static(number));
        if let Some(format) = format
            && known.iter().all(|earlier| earlier.payload_type != number)
        {
            known.push(format);
        }
    }
    known
}

/// Without the `/ttl` or `/count` of multicast notation.
fn written_address(connection: &Connection) -> String {
    let written = connection.connection_address.as_str();
    written.split_once('/').map_or(written, |(address, _)| address).to_owned()
}

/// The last one wins, as most peers do it.
fn direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes.iter().rev().find_map(|attribute| Direction::from_attribute(attribute.attribute.trim()))
}

fn values<'a>(attributes: &'a [Attribute], name: &'a str) -> impl Iterator<Item = &'a str> {
    attributes.iter().filter(move |attribute| attribute.attribute == name).filter_map(|attribute| attribute.value.as_deref())
}

fn value<'a>(attributes: &'a [Attribute], name: &'a str) -> Option<&'a str> {
    values(attributes, name).next()
}

/// Whole milliseconds, at most a second; `20.5` is read as 20.
fn millis(text: &str) -> Option<Millis> {
    let whole = text.trim().split('.').next()?;
    whole.parse::<u16>().ok().filter(|value| (1..=1_000).contains(value)).map(|value| Millis(u64::from(value)))
}

/// `53020` or `53020 IN IP6 2001:db8::1` (RFC 3605 section 2.1).
fn rtcp(text: &str) -> Option<(u16, Option<IpAddr>)> {
    let mut words = text.split_whitespace();
    let port = words.next()?.parse().ok()?;
    Some((port, words.nth(2).and_then(|address| address.parse().ok())))
}
