//! The wire as a whole: what is taken, what is refused and how.

mod fixtures;
mod mutations;
mod stream;

use super::*;
use crate::sip::headers::Headers;
use crate::sip::message::{Message, Method, Request, Response};

/// A request like a phone's, with `extra` header lines and a body.
pub(super) fn request(start: &str, extra: &str, body: &str) -> Vec<u8> {
    let method = start.split(' ').next().unwrap();
    format!(
        "{start}\r\nVia: SIP/2.0/UDP 192.0.2.4:5062;branch=z9hG4bKabc;rport\r\nFrom: <sip:ann@192.0.2.4>;tag=1\r\nTo: <sip:1000@192.0.2.5>\r\n\
         Call-ID: x1@192.0.2.4\r\nCSeq: 1 {method}\r\n{extra}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(super) fn options(extra: &str) -> Vec<u8> {
    request("OPTIONS sip:1000@192.0.2.5 SIP/2.0", extra, "")
}

pub(super) fn taken(bytes: &[u8]) -> Message {
    parse_datagram(bytes).unwrap()
}

pub(super) fn taken_request(bytes: &[u8]) -> Request {
    match taken(bytes) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

fn refused(bytes: &[u8]) -> Refusal {
    match parse_datagram(bytes) {
        Err(WireError::BadRequest(refusal)) => *refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_refusal_answers_with_the_request_s_own_headers_and_a_to_tag() {
    let refusal = refused(&options("Max-Forwards: many\r\n"));
    assert_eq!((refusal.status, refusal.why, &refusal.method), (400, "Max-Forwards is no number from 0 to 255", &Method::Options));
    let printed = String::from_utf8(print(&refusal.response("ours").into())).unwrap();
    let expected = "SIP/2.0 400 Bad Request (Max-Forwards is no number from 0 to 255)\r\n\
        Via: SIP/2.0/UDP 192.0.2.4:5062;branch=z9hG4bKabc;rport\r\nFrom: <sip:ann@192.0.2.4>;tag=1\r\nTo: <sip:1000@192.0.2.5>;tag=ours\r\n\
        Call-ID: x1@192.0.2.4\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(printed, expected);
}

#[test]
fn a_refusal_does_not_retag_a_dialog() {
    let bytes = String::from_utf8(options("Max-Forwards: x\r\n"))
        .unwrap()
        .replace("<sip:1000@192.0.2.5>\r\n", "<sip:1000@192.0.2.5>;tag=theirs\r\n");
    assert_eq!(refused(bytes.as_bytes()).response("ours").headers.to_tag().as_deref(), Some("theirs"));
}

#[test]
fn one_via_in_a_comma_list_that_cannot_be_read_is_refused_not_followed() {
    let bytes = String::from_utf8(options("")).unwrap().replace(";rport", ";rport, rubbish");
    assert_eq!(refused(bytes.as_bytes()).why, "a Via cannot be read");
}

#[test]
fn a_malformed_ack_or_response_is_never_answered() {
    let ack = request("ACK sip:1000@192.0.2.5 SIP/2.0", "Max-Forwards: x\r\n", "");
    assert_eq!(parse_datagram(&ack), Err(WireError::Unroutable("malformed ACK")));
    let response =
        String::from_utf8(options("Call-ID: second\r\n")).unwrap().replace("OPTIONS sip:1000@192.0.2.5 SIP/2.0", "SIP/2.0 200 OK");
    assert_eq!(parse_datagram(response.as_bytes()), Err(WireError::Unroutable("malformed response")));
}

#[test]
fn blank_datagrams_are_keep_alives() {
    for (bytes, kind) in
        [(&b""[..], KeepAlive::Ping), (b"\r\n\r\n", KeepAlive::Ping), (b"\0\0\0\0", KeepAlive::Ping), (b"\r\n", KeepAlive::Pong)]
    {
        assert_eq!(parse_datagram(bytes), Err(WireError::KeepAlive(kind)));
    }
}

#[test]
fn a_header_section_without_measure_is_refused_with_513() {
    let many: String = (0..300).map(|n| format!("X-{n}: y\r\n")).collect();
    assert_eq!((refused(&options(&many)).status, refused(&options(&many)).why), (513, "too many header fields"));
    let long = format!("X: {}\r\n", "y".repeat(40_000));
    // What identifies the request stands before the limit here, so it can be answered.
    assert_eq!((refused(&options(&long)).status, refused(&options(&long)).why), (513, "the header section is too long"));
}

#[test]
fn the_target_and_unknown_headers_stay_as_written() {
    let target = "sip:%61lice;x=%41@[2001:DB8::1]:5060;transport=tcp;LR?Replaces=a%40b";
    let bytes = request(&format!("INVITE {target} SIP/2.0"), "x-CUSTOM:  a ;b=\"c\"\r\n", "");
    let message = taken(&bytes);
    let printed = String::from_utf8(print(&message)).unwrap();
    assert!(printed.starts_with(&format!("INVITE {target} SIP/2.0\r\n")) && printed.contains("\r\nx-CUSTOM: a ;b=\"c\"\r\n"));
}

#[test]
fn a_body_is_bytes_and_its_length_is_computed() {
    let mut request = Request::new(Method::Info, "sip:a@h");
    request.body = vec![0xff, 0x00, b'\r', b'\n', 0xfe];
    request.headers.push("Content-Length", "999");
    request.headers.push("l", "999");
    let printed = print(&request.into());
    assert!(printed.ends_with(b"Content-Length: 5\r\n\r\n\xff\x00\r\n\xfe"));
    assert_eq!(printed.windows(15).filter(|window| window.eq_ignore_ascii_case(b"content-length:")).count(), 1);
}

#[test]
fn no_value_breaks_out_of_its_line() {
    let mut headers = Headers::new();
    headers.push("Subject", "a\r\nEvil: 1\r\n\r\nbody");
    headers.push("X-Any", "a\nEvil: 2\0");
    headers.push("X\r\nEvil", "3");
    headers.push_header(&rsip::Header::Other("Y".into(), "a\rEvil: 4".into()));
    headers.set("Subject", "b\r\nEvil: 5");
    headers.push_first("Via", "c\u{85}\u{2028}\r\nEvil: 6");
    let request =
        Request { method: Method::Other("A\r\nEvil:".into()), target: "sip:a\r\nEvil: 7".into(), headers: headers.clone(), body: vec![] };
    let response = Response { status: 200, reason: "OK\r\nEvil: 8".into(), headers, body: vec![] };
    for message in [Message::from(request), Message::from(response)] {
        let printed = String::from_utf8(print(&message)).unwrap();
        assert!(printed.split("\r\n").all(|line| !line.starts_with("Evil") && !line.contains(['\r', '\n', '\0'])), "{printed}");
        assert_eq!(printed.matches("\r\n").count(), 7, "{printed}");
    }
}

#[test]
fn a_message_s_debug_shows_no_number_key_or_digest() {
    let bytes = request("INFO sip:+4930555@h SIP/2.0", "Authorization: Digest response=\"c0ffee\"\r\n", "Signal=7");
    let refusal = refused(&options("Max-Forwards: x\r\n"));
    let shown = format!("{:?} {:?} {refusal:?}", taken(&bytes), request_response(&bytes));
    for secret in ["4930555", "c0ffee", "Signal", "ann@"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("Authorization") && shown.contains("Info"), "{shown}");
}

fn request_response(bytes: &[u8]) -> Response {
    taken_request(bytes).reply(200, "OK")
}

#[test]
fn a_request_uri_with_a_bare_carriage_return_is_400() {
    assert!(parse_datagram(&request("OPTIONS sip:desk@worker.example SIP/2.0", "", "")).is_ok());
    refused(&request("OPTIONS \rip:desk@worker.example SIP/2.0", "", ""));
}
