//! Messages cut out of a byte stream.

use super::*;

fn accepted() -> StreamFramer {
    StreamFramer::new(StreamRole::Accepted, Limits::default())
}

fn drain(framer: &mut StreamFramer) -> (Vec<Framed>, Option<StreamError>) {
    let mut found = Vec::new();
    loop {
        match framer.pop() {
            Ok(Some(framed)) => found.push(framed),
            Ok(None) => return (found, None),
            Err(error) => return (found, Some(error)),
        }
    }
}

#[test]
fn messages_arrive_whole_however_the_stream_is_cut() {
    let (first, second) = (request("INFO sip:a@h SIP/2.0", "", "Signal=5\r\n\r\nrest"), options(""));
    let bytes = [&b"\r\n"[..], &first, &second, b"\r\n\r\n"].concat();
    let wanted =
        vec![Framed::Message(parse_datagram(&first)), Framed::Message(parse_datagram(&second)), Framed::KeepAlive(KeepAlive::Ping)];
    for size in [1, 2, 3, 7, 64, bytes.len()] {
        let mut framer = accepted();
        let mut found = Vec::new();
        for chunk in bytes.chunks(size) {
            framer.push(chunk);
            let (more, error) = drain(&mut framer);
            assert_eq!(error, None);
            found.extend(more);
        }
        assert_eq!(found, wanted, "in pieces of {size}");
        assert!(!framer.is_partial());
    }
}

#[test]
fn every_crlf_is_a_pong_where_we_opened_the_connection() {
    let mut framer = StreamFramer::new(StreamRole::Opened, Limits::default());
    framer.push(b"\r\n");
    assert_eq!(framer.pop(), Ok(Some(Framed::KeepAlive(KeepAlive::Pong))));
    framer.push(&options(""));
    assert!(matches!(framer.pop(), Ok(Some(Framed::Message(Ok(_))))));
    assert_eq!(framer.pop(), Ok(None));
}

#[test]
fn a_bad_message_with_a_good_length_does_not_cost_the_connection() {
    let mut framer = accepted();
    framer.push(&options("Max-Forwards: x\r\n"));
    framer.push(&options(""));
    let (found, error) = drain(&mut framer);
    assert!(matches!(&found[..], [Framed::Message(Err(WireError::BadRequest(_))), Framed::Message(Ok(_))]));
    assert_eq!(error, None);
}

#[test]
fn an_unusable_length_is_answered_and_then_ends_the_stream() {
    let bytes = String::from_utf8(options("")).unwrap();
    for broken in
        [bytes.replace("Content-Length: 0", "Content-Length: -5"), bytes.replace("Content-Length: 0", "l: 0\r\nContent-Length: 3")]
    {
        let mut framer = accepted();
        framer.push(broken.as_bytes());
        framer.push(&options(""));
        let (found, error) = drain(&mut framer);
        assert!(matches!(&found[..], [Framed::Message(Err(WireError::BadRequest(_)))]));
        assert_eq!(error, Some(StreamError::LostSync));
    }
}

#[test]
fn sizes_are_capped() {
    let limits = Limits { head: 400, body: 10 };
    let mut endless = StreamFramer::new(StreamRole::Accepted, limits);
    endless.push(b"OPTIONS sip:a@h SIP/2.0\r\nX: ");
    endless.push(&[b'y'; 400]);
    assert_eq!(drain(&mut endless), (vec![], Some(StreamError::HeadTooLong(400))));
    let mut fat = StreamFramer::new(StreamRole::Accepted, limits);
    fat.push(&request("INFO sip:a@h SIP/2.0", "", "12345678901"));
    assert_eq!(drain(&mut fat), (vec![], Some(StreamError::BodyTooLong(10))));
    fat.push(&options(""));
    assert_eq!(drain(&mut fat), (vec![], Some(StreamError::BodyTooLong(10))));
}

#[test]
fn a_tls_hello_on_the_wrong_port_is_cut_off_at_once() {
    let mut framer = accepted();
    framer.push(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]);
    assert_eq!(framer.pop(), Err(StreamError::NotSip));
}

#[test]
fn a_header_section_that_drips_in_is_searched_once() {
    let mut framer = accepted();
    for byte in b"OPTIONS sip:a@h SIP/2.0\r\nX: yyyyyyyy" {
        framer.push(&[*byte]);
        assert_eq!(framer.pop(), Ok(None));
    }
    assert_eq!(framer.searched, framer.buffer.len());
}
