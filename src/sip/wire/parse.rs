//! From a normalised head and a body to a checked message.

use super::normalise::{ContentLength, Fault, Head, head_end, read_head};
use super::{KeepAlive, Refusal, WireError};
use crate::sip::headers::Headers;
use crate::sip::message::{Message, Method, Request, Response};
use crate::sip::readers::{CSeq, MaxForwards, NameAddr, Via};
use crate::sip::uri::Uri;

/// Header section of a datagram, bytes.
const MAX_HEAD: usize = 32 * 1024;

/// Reads one datagram. Bytes beyond Content-Length are dropped (RFC 3261 section 18.3); without Content-Length the body is the rest.
pub fn parse_datagram(bytes: &[u8]) -> Result<Message, WireError> {
    if bytes.len() <= 8 && bytes.iter().all(|b| matches!(b, b'\r' | b'\n' | 0)) {
        return Err(WireError::KeepAlive(if bytes == b"\r\n" { KeepAlive::Pong } else { KeepAlive::Ping }));
    }
    let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(bytes.len());
    let bytes = &bytes[start..];
    let end = head_end(bytes, 0);
    let body_at = end.unwrap_or(bytes.len());
    let mut head = read_head(&bytes[..body_at.min(MAX_HEAD)]).ok_or(WireError::Unroutable("no start line"))?;
    if body_at > MAX_HEAD {
        head.note(Fault { status: 513, why: "the header section is too long" });
    }
    if end.is_none() {
        head.note(Fault::bad("the header section does not end"));
    }
    let rest = &bytes[body_at..];
    let body = match head.content_length {
        ContentLength::Bytes(length) if length <= rest.len() => &rest[..length],
        ContentLength::Bytes(_) => {
            head.note(Fault::bad("the body is shorter than Content-Length"));
            rest
        }
        ContentLength::Absent | ContentLength::Unusable => rest,
    };
    assemble(head, body)
}

/// A status line (RFC 3261 section 7.2). A missing reason is taken, with or without the blank before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusLine {
    /// 100–699.
    pub status: u16,
    pub reason: String,
}

impl StatusLine {
    pub fn read(line: &str) -> Option<Self> {
        let (version, rest) = line.split_once(' ')?;
        if !version.eq_ignore_ascii_case("SIP/2.0") {
            return None;
        }
        let rest = rest.trim();
        let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let digits = code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit());
        let status = code.parse().ok().filter(|status| digits && (100..700).contains(status))?;
        Some(Self { status, reason: crate::sip::headers::clean(reason) })
    }
}

/// Checks head and body together; the body's length was dealt with by whoever framed it.
pub(super) fn assemble(mut head: Head, body: &[u8]) -> Result<Message, WireError> {
    if head.content_length == ContentLength::Unusable {
        head.note(Fault::bad("Content-Length is no number of bytes"));
    }
    if head.start.len() >= 4 && head.start.as_bytes()[..4].eq_ignore_ascii_case(b"SIP/") {
        return assemble_response(head, body).map(Message::Response);
    }
    assemble_request(head, body).map(Message::Request)
}

fn assemble_response(head: Head, body: &[u8]) -> Result<Response, WireError> {
    let drop = |why| Err(WireError::Unroutable(why));
    let Some(StatusLine { status, reason }) = StatusLine::read(&head.start) else { return drop("bad status line") };
    if head.fault.is_some() {
        return drop("malformed response");
    }
    if check_identity(&head.headers).is_err() || head.headers.top_via().is_err() {
        return drop("response without a readable Via, From, To, Call-ID or CSeq");
    }
    Ok(Response { status, reason, headers: head.headers, body: body.to_vec() })
}

fn assemble_request(head: Head, body: &[u8]) -> Result<Request, WireError> {
    let line = RequestLine::read(&head.start)?;
    if head.headers.top_via().is_err() {
        return Err(WireError::Unroutable("request without a readable top Via"));
    }
    let fault = line.fault.or(head.fault).or_else(|| check_request(&line, &head.headers).err());
    match fault {
        None => Ok(Request { method: line.method, target: line.target, headers: head.headers, body: body.to_vec() }),
        Some(_) if line.method == Method::Ack => Err(WireError::Unroutable("malformed ACK")),
        Some(Fault { status, why }) => {
            let mut reply = Headers::new();
            for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
                head.headers.all(name).filter(|value| !value.is_empty()).for_each(|value| reply.push(name, value));
            }
            Err(WireError::BadRequest(Box::new(Refusal { status, why, method: line.method, reply })))
        }
    }
}

struct RequestLine {
    method: Method,
    target: String,
    fault: Option<Fault>,
}

impl RequestLine {
    /// More than one blank between the parts is taken, blanks inside the Request-URI are not. What does not end in `SIP/…` is not ours to answer.
    fn read(line: &str) -> Result<Self, WireError> {
        let parts: Vec<&str> = line.split([' ', '\t']).filter(|part| !part.is_empty()).collect();
        let drop = WireError::Unroutable("not a SIP request line");
        let ([name, .., version], Some(method)) = (parts.as_slice(), parts.first().and_then(|name| Method::read(name))) else {
            return Err(drop);
        };
        if line.starts_with([' ', '\t']) || !version.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("SIP/")) || name == version {
            return Err(drop);
        }
        let target = parts[1..parts.len() - 1].join(" ");
        let fault = if !version.eq_ignore_ascii_case("SIP/2.0") {
            Some(Fault { status: 505, why: "only SIP/2.0 is spoken here" })
        } else if parts.len() != 3 {
            Some(Fault::bad("the request line is not method, URI and version"))
        } else if target.chars().any(char::is_control) || Uri::read(&target).is_err() {
            Some(Fault::bad("the Request-URI is not well-formed"))
        } else {
            None
        };
        Ok(Self { method, target, fault })
    }
}

fn check_request(line: &RequestLine, headers: &Headers) -> Result<(), Fault> {
    let cseq = check_identity(headers)?;
    if cseq.method != line.method {
        return Err(Fault::bad("CSeq names another method than the request line"));
    }
    if headers.all("Via").any(|via| Via::read(via).is_err()) {
        return Err(Fault::bad("a Via cannot be read"));
    }
    if headers.get("Max-Forwards").is_some_and(|value| MaxForwards::read(value).is_err()) {
        return Err(Fault::bad("Max-Forwards is no number from 0 to 255"));
    }
    for (name, why) in
        [("Contact", "a Contact cannot be read"), ("Route", "a Route cannot be read"), ("Record-Route", "a Record-Route cannot be read")]
    {
        if headers.all(name).any(|value| NameAddr::read(value).is_err()) {
            return Err(Fault::bad(why));
        }
    }
    Ok(())
}

/// What every message needs to find its transaction and dialog.
fn check_identity(headers: &Headers) -> Result<CSeq, Fault> {
    for (name, missing, unreadable) in [("From", "From is missing", "From cannot be read"), ("To", "To is missing", "To cannot be read")] {
        let value = headers.get(name).ok_or(Fault::bad(missing))?;
        NameAddr::read(value).map_err(|_| Fault::bad(unreadable))?;
    }
    let call_id = headers.get("Call-ID").ok_or(Fault::bad("Call-ID is missing"))?;
    if call_id.is_empty() || call_id.contains(' ') {
        return Err(Fault::bad("Call-ID is empty or holds a blank"));
    }
    let cseq = headers.get("CSeq").ok_or(Fault::bad("CSeq is missing"))?;
    CSeq::read(cseq).map_err(|_| Fault::bad("CSeq is not a number below 2^31 and a method"))
}
