//! The offer/answer matrix of RFC 3264 by table, and bodies as real peers write them.

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn local() -> LocalMedia {
    LocalMedia {
        address: ip("192.0.2.1"),
        port: 10_000,
        codecs: vec![AudioCodec::Pcmu, AudioCodec::Pcma],
        telephone_event: Some(101),
        ptime: Millis(20),
        rtcp_mux: false,
    }
}

fn offer_of(lines: &[&str]) -> Offer {
    Offer::parse(body(lines).as_bytes()).unwrap()
}

fn body(lines: &[&str]) -> String {
    let mut text = "v=0\r\no=peer 1 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\n".to_owned();
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text
}

fn answered(lines: &[&str]) -> (String, NegotiatedAudio) {
    let (bytes, audio) = answer(&offer_of(lines), &local(), HoldState::Active, &mut SdpSession::new(7 << 2)).unwrap();
    (String::from_utf8(bytes).unwrap(), audio)
}

fn refusal(lines: &[&str]) -> SdpError {
    answer(&offer_of(lines), &local(), HoldState::Active, &mut SdpSession::new(1)).unwrap_err()
}

fn m_lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("m=")).collect()
}

#[test]
fn an_answer_is_written_whole() {
    let (text, audio) = answered(&[
        "m=audio 4000 RTP/AVP 8 0 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-16",
        "a=ptime:20",
        "a=sendrecv",
    ]);
    assert_eq!(
        text,
        "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 10000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
    assert_eq!(
        audio,
        NegotiatedAudio {
            remote: "198.51.100.9:4000".parse().unwrap(),
            codec: AudioCodec::Pcma,
            payload_type: 8,
            receive_payload_type: 8,
            telephone_event: Some(TelephoneEvent { payload_type: 101, receive_payload_type: 101, clock_rate: 8_000 }),
            ptime: Millis(20),
            direction: Direction::SendRecv,
            held_by_peer: false,
            rtcp: Some("198.51.100.9:4001".parse().unwrap()),
            rtcp_mux: false,
        }
    );
}

#[test]
fn the_direction_answered_is_what_both_sides_allow() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    use HoldState::{Active, Held, HeldSilent};
    let table = [
        (SendRecv, Active, SendRecv, false),
        (SendRecv, Held, SendOnly, false),
        (SendRecv, HeldSilent, Inactive, false),
        (SendOnly, Active, RecvOnly, true),
        (SendOnly, Held, Inactive, true),
        (SendOnly, HeldSilent, Inactive, true),
        (RecvOnly, Active, SendOnly, false),
        (RecvOnly, Held, SendOnly, false),
        (RecvOnly, HeldSilent, Inactive, false),
        (Inactive, Active, Inactive, true),
        (Inactive, Held, Inactive, true),
        (Inactive, HeldSilent, Inactive, true),
    ];
    for (offered, hold, expected, held_by_peer) in table {
        for level in ["media", "session"] {
            let attribute = format!("a={}", offered.attribute());
            let lines = if level == "media" { ["m=audio 4000 RTP/AVP 0", &attribute] } else { [&attribute, "m=audio 4000 RTP/AVP 0"] };
            let (bytes, audio) = answer(&offer_of(&lines), &local(), hold, &mut SdpSession::new(1)).unwrap();
            let case = format!("{offered:?} at {level} level while {hold:?}");
            assert_eq!((audio.direction, audio.held_by_peer), (expected, held_by_peer), "{case}");
            assert!(String::from_utf8(bytes).unwrap().contains(&format!("a={}\r\n", expected.attribute())), "{case}");
        }
    }
}

#[test]
fn hold_by_an_unspecified_address_stops_our_sending() {
    for address in ["IN IP4 0.0.0.0", "IN IP6 ::"] {
        let connection = format!("c={address}");
        let (text, audio) = answered(&["m=audio 4000 RTP/AVP 0", &connection]);
        assert!(audio.held_by_peer && !audio.direction.sends(), "{address}");
        assert!(text.contains("a=recvonly\r\n"), "{text}");
    }
    let (text, _) = answered(&["m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=recvonly"]);
    assert!(text.contains("a=inactive\r\n"), "{text}");
}

#[test]
fn hold_resume_and_a_moved_port_are_answered_from_the_offer_at_hand_not_from_a_cached_answer() {
    let mut session = SdpSession::new(1);
    let mut step = |lines: &[&str], hold| answer(&offer_of(lines), &local(), hold, &mut session).unwrap();
    let (first, _) = step(&["m=audio 4000 RTP/AVP 0"], HoldState::Active);
    let (held, audio) = step(&["m=audio 4000 RTP/AVP 0", "a=sendonly"], HoldState::Active);
    assert!(audio.held_by_peer);
    assert_ne!(first, held);
    let (resumed, audio) = step(&["m=audio 4000 RTP/AVP 0"], HoldState::Active);
    assert!(!audio.held_by_peer);
    let (moved, audio) = step(&["m=audio 4890 RTP/AVP 0", "c=IN IP4 203.0.113.5"], HoldState::Active);
    assert_eq!(audio.remote, "203.0.113.5:4890".parse().unwrap());
    assert_eq!(resumed, moved, "our side did not change, so its version does not either");
    let (recoded, audio) = step(&["m=audio 4890 RTP/AVP 8"], HoldState::Active);
    assert_eq!(audio.codec, AudioCodec::Pcma);
    let versions: Vec<String> = [first, held, resumed, moved, recoded]
        .into_iter()
        .map(|body| String::from_utf8(body).unwrap().lines().nth(1).unwrap().split(' ').nth(2).unwrap().to_owned())
        .collect();
    assert_eq!(versions, ["1", "2", "3", "3", "4"]);
}

#[test]
fn every_m_line_is_answered_in_its_place() {
    let table: [(&[&str], &[&str]); 8] = [
        (
            &["m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 96", "a=rtpmap:96 VP8/90000"],
            &["m=audio 10000 RTP/AVP 0", "m=video 0 RTP/AVP 96"],
        ),
        (&["m=video 4002 RTP/AVP 96 97", "m=audio 4000 RTP/AVP 0"], &["m=video 0 RTP/AVP 96 97", "m=audio 10000 RTP/AVP 0"]),
        (&["m=audio 4000 RTP/AVP 0", "m=image 4004 udptl t38"], &["m=audio 10000 RTP/AVP 0", "m=image 0 udptl t38"]),
        (&["m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 0"], &["m=audio 10000 RTP/AVP 0", "m=audio 0 RTP/AVP 0"]),
        (&["m=audio 4000 RTP/AVP 18", "m=audio 4002 RTP/AVP 8"], &["m=audio 0 RTP/AVP 18", "m=audio 10000 RTP/AVP 8"]),
        (&["m=audio 4000 RTP/SAVP 0", "m=audio 4002 RTP/AVP 0"], &["m=audio 0 RTP/SAVP 0", "m=audio 10000 RTP/AVP 0"]),
        (&["m=audio 0 RTP/AVP 0", "m=audio 4002 RTP/AVP 0"], &["m=audio 0 RTP/AVP 0", "m=audio 10000 RTP/AVP 0"]),
        (
            &[
                "m=audio 4000 RTP/AVP 0",
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
                "m=message 2855 TCP/MSRP *",
                "m=text 0 RTP/AVP 98",
            ],
            &[
                "m=audio 10000 RTP/AVP 0",
                "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
                "m=message 0 TCP/MSRP *",
                "m=text 0 RTP/AVP 98",
            ],
        ),
    ];
    for (offered, expected) in table {
        let (text, _) = answered(offered);
        assert_eq!(m_lines(&text), expected);
    }
}

#[test]
fn a_codec_is_taken_in_the_order_of_the_offer_by_name_or_by_static_number() {
    let table: [(&[&str], AudioCodec, u8); 6] = [
        (&["m=audio 4000 RTP/AVP 18 8 0"], AudioCodec::Pcma, 8),
        (&["m=audio 4000 RTP/AVP 0 8", "a=rtpmap:0 pcmu/8000/1"], AudioCodec::Pcmu, 0),
        (&["m=audio 4000 RTP/AVP 96 0", "a=rtpmap:96 PCMA/8000"], AudioCodec::Pcma, 96),
        (&["m=audio 4000 RTP/AVP 96 97 8", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 speex/16000"], AudioCodec::Pcma, 8),
        (&["m=audio 4000 RTP/AVP 0 8", "a=rtpmap:0 PCMU/16000"], AudioCodec::Pcma, 8),
        (&["m=audio   4000  RTP/AVP  0", "a=rtpmap: 0  PCMU / 8000"], AudioCodec::Pcmu, 0),
    ];
    for (lines, codec, number) in table {
        let (_, audio) = answered(lines);
        assert_eq!((audio.codec, audio.payload_type), (codec, number), "{lines:?}");
    }
}

#[test]
fn a_wider_codec_list_is_negotiated_without_other_changes() {
    let wide = LocalMedia { codecs: vec![AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcmu], ..local() };
    let offered = offer_of(&["m=audio 4000 RTP/AVP 111 9 0 100", "a=rtpmap:111 opus/48000/2", "a=rtpmap:100 telephone-event/48000"]);
    let (bytes, audio) = answer(&offered, &wide, HoldState::Active, &mut SdpSession::new(1)).unwrap();
    assert_eq!((audio.codec, audio.payload_type), (AudioCodec::Opus, 111));
    assert_eq!(audio.telephone_event.unwrap().clock_rate, 48_000);
    assert!(String::from_utf8(bytes).unwrap().contains("a=rtpmap:111 opus/48000/2\r\n"));
}

#[test]
fn telephone_events_use_the_number_and_the_clock_of_the_offer() {
    type Row<'a> = (&'a [&'a str], Option<(u8, u32)>);
    let table: [Row; 5] = [
        (&["m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000"], Some((96, 8_000))),
        (
            &["m=audio 4000 RTP/AVP 0 100 101", "a=rtpmap:100 telephone-event/16000", "a=rtpmap:101 telephone-event/8000"],
            Some((101, 8_000)),
        ),
        (&["m=audio 4000 RTP/AVP 0 100", "a=rtpmap:100 Telephone-Event/16000"], Some((100, 16_000))),
        (&["m=audio 4000 RTP/AVP 0", "a=rtpmap:101 telephone-event/8000"], None),
        (&["m=audio 4000 RTP/AVP 0 101"], None),
    ];
    for (lines, expected) in table {
        let (text, audio) = answered(lines);
        assert_eq!(audio.telephone_event.map(|event| (event.payload_type, event.clock_rate)), expected, "{lines:?}");
        assert_eq!(text.contains("telephone-event"), expected.is_some(), "{lines:?}");
    }
    let deaf = LocalMedia { telephone_event: None, ..local() };
    let offered = offer_of(&["m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000"]);
    let (_, audio) = answer(&offered, &deaf, HoldState::Active, &mut SdpSession::new(1)).unwrap();
    assert_eq!(audio.telephone_event, None);
}

#[test]
fn the_packet_length_is_the_peers_wish_within_reason() {
    let table: [(&[&str], u64); 7] = [
        (&[], 20),
        (&["a=ptime:30"], 30),
        (&["a=ptime:25"], 20),
        (&["a=ptime:200"], 20),
        (&["a=ptime:60", "a=maxptime:40"], 40),
        (&["a=maxptime:10"], 10),
        (&["a=maxptime:150"], 20),
    ];
    for (attributes, expected) in table {
        let mut lines = vec!["m=audio 4000 RTP/AVP 0"];
        lines.extend(attributes);
        assert_eq!(answered(&lines).1.ptime, Millis(expected), "{attributes:?}");
    }
}

#[test]
fn addresses_are_read_at_both_levels_and_in_both_families() {
    let (_, audio) = answered(&["m=audio 4000 RTP/AVP 0", "c=IN IP4 203.0.113.8/127"]);
    assert_eq!(audio.remote, "203.0.113.8:4000".parse().unwrap());

    let six = "v=0\r\no=- 1 1 IN IP6 2001:db8::9\r\ns=-\r\nc=IN IP6 2001:db8::9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let offered = Offer::parse(six.as_bytes()).unwrap();
    let error = answer(&offered, &local(), HoldState::Active, &mut SdpSession::new(1)).unwrap_err();
    assert_eq!((error.status(), error.warning_code()), (488, Some(300)), "{error}");
    let ours = LocalMedia { address: ip("2001:db8::1"), ..local() };
    let (bytes, audio) = answer(&offered, &ours, HoldState::Active, &mut SdpSession::new(1)).unwrap();
    assert_eq!(audio.remote, "[2001:db8::9]:4000".parse().unwrap());
    assert!(String::from_utf8(bytes).unwrap().contains("c=IN IP6 2001:db8::1\r\n"));
}

#[test]
fn rtcp_goes_where_the_peer_says() {
    let table: [(&[&str], bool, Option<&str>); 6] = [
        (&[], false, Some("198.51.100.9:4001")),
        (&["a=rtcp:4777"], false, Some("198.51.100.9:4777")),
        (&["a=rtcp:4777 IN IP4 203.0.113.7"], false, Some("203.0.113.7:4777")),
        (&["a=rtcp:0"], false, None),
        (&["a=rtcp-mux"], true, Some("198.51.100.9:4000")),
        (&["a=rtcp-mux"], false, Some("198.51.100.9:4001")),
    ];
    for (attributes, ours, expected) in table {
        let mut lines = vec!["m=audio 4000 RTP/AVP 0"];
        lines.extend(attributes);
        let local = LocalMedia { rtcp_mux: ours, ..local() };
        let (bytes, audio) = answer(&offer_of(&lines), &local, HoldState::Active, &mut SdpSession::new(1)).unwrap();
        assert_eq!(audio.rtcp, expected.map(|address| address.parse().unwrap()), "{attributes:?}");
        assert_eq!(String::from_utf8(bytes).unwrap().contains("a=rtcp-mux"), ours && attributes.contains(&"a=rtcp-mux"));
    }
    let (_, audio) = answered(&["m=audio 65535 RTP/AVP 0"]);
    assert_eq!(audio.rtcp, None);
}

#[test]
fn what_cannot_be_used_is_refused_with_its_reason() {
    type Row<'a> = (&'a [&'a str], u16, Option<u16>, &'a [&'a str]);
    let table: [Row; 9] = [
        (
            &["m=audio 4000 RTP/AVP 18 96", "a=rtpmap:18 G729/8000", "a=rtpmap:96 opus/48000/2"],
            488,
            Some(305),
            &["G729/8000, opus/48000", "PCMU, PCMA"],
        ),
        (&["m=audio 4000 RTP/AVP 77"], 488, Some(305), &["payload types 77"]),
        (&["m=audio 4000 RTP/SAVP 0"], 488, Some(302), &["RTP/SAVP", "without encryption"]),
        (&["m=audio 4000 UDP/TLS/RTP/SAVPF 0"], 488, Some(302), &["UDP/TLS/RTP/SAVPF"]),
        (&["m=audio 4000 TCP/RTP/AVP 0"], 488, Some(302), &["TCP/RTP/AVP"]),
        (&["m=video 4000 RTP/AVP 96", "m=image 0 udptl t38"], 488, Some(304), &["video, image (off)"]),
        (&[], 488, Some(304), &["no stream"]),
        (&["m=audio 4000 RTP/AVP 0", "c=IN IP4 phone.example"], 488, Some(301), &["phone.example", "not looked up"]),
        (&["m=audio 4000 RTP/AVP 0", "c=IN IP4 239.1.2.3/127"], 488, Some(301), &["239.1.2.3", "multicast"]),
    ];
    for (lines, status, warning, words) in table {
        let error = refusal(lines);
        assert_eq!((error.status(), error.warning_code()), (status, warning), "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "'{error}' lacks '{word}'");
        }
    }
    let no_address = Offer::parse(b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n").unwrap();
    let error = answer(&no_address, &local(), HoldState::Active, &mut SdpSession::new(1)).unwrap_err();
    assert!(error.to_string().contains("no c= line"), "{error}");
}

#[test]
fn a_refused_offer_leaves_the_session_as_it_was() {
    let mut session = SdpSession::new(1);
    answer(&offer_of(&["m=audio 4000 RTP/AVP 0"]), &local(), HoldState::Active, &mut session).unwrap();
    let before = session.clone();
    answer(&offer_of(&["m=audio 4000 RTP/SAVP 0", "m=video 1 RTP/AVP 9"]), &local(), HoldState::Active, &mut session).unwrap_err();
    assert_eq!(session, before);
}

#[test]
fn avpf_is_tolerated_and_echoed() {
    let (text, _) = answered(&["m=audio 4000 RTP/AVPF 0"]);
    assert_eq!(m_lines(&text), ["m=audio 10000 RTP/AVPF 0"]);
}

#[test]
fn odd_bodies_of_real_peers_are_read() {
    let table = [
        ("LF only", "v=0\no=- 1 1 IN IP4 198.51.100.9\ns=-\nc=IN IP4 198.51.100.9\nt=0 0\nm=audio 4000 RTP/AVP 0\n"),
        ("CR only", "v=0\rc=IN IP4 198.51.100.9\rm=audio 4000 RTP/AVP 0\r"),
        ("no last line end", "v=0\r\nc=IN IP4 198.51.100.9\r\nm=audio 4000 RTP/AVP 0"),
        ("no t=, empty s=", "v=0\r\no=- 1 1 IN IP4 198.51.100.9\r\ns=\r\nc=IN IP4 198.51.100.9\r\nm=audio 4000 RTP/AVP 0\r\n"),
        ("blanks in o=", "v=0\r\no=Mr Big PBX 1 1 IN IP4 x\r\ns=a b\r\nc=IN IP4 198.51.100.9\r\nm=audio 4000 RTP/AVP 0\r\n"),
        (
            "huge o= numbers",
            "v=0\r\no=- 99999999999999999999999 99999999999999999999999 IN IP4 x\r\nc=IN IP4 198.51.100.9\r\nm=audio 4000 RTP/AVP 0\r\n",
        ),
        (
            "odd order",
            "v=0\r\nt=0 0\r\nc=IN IP4 198.51.100.9\r\ns=-\r\no=- 1 1 IN IP4 x\r\nb=AS:84\r\nm=audio 4000 RTP/AVP 0\r\nb=TIAS:64000\r\ni=x\r\n",
        ),
        ("broken b=, t=, k=", "v=0\r\nb=\r\nt=now\r\nk=\r\nc=IN IP4 198.51.100.9\r\nm=audio 4000 RTP/AVP 0\r\n"),
        ("c= twice", "v=0\r\nc=IN IP4 198.51.100.9\r\nc=IN IP4 198.51.100.10\r\nm=audio 4000 RTP/AVP 0\r\n"),
        ("blank lines, trailing blanks", "\r\nv=0 \r\n\r\nc= IN  IP4 198.51.100.9 \r\n  m=audio 4000 RTP/AVP 0 \r\n\r\n"),
        ("no v=", "c=IN IP4 198.51.100.9\r\nm=audio 4000 RTP/AVP 0\r\n"),
        ("a line without =", "v=0\r\nhello\r\nc=IN IP4 198.51.100.9\r\nm=audio 4000 RTP/AVP 0\r\nxx=y\r\n"),
        ("upper case", "v=0\r\nc=IN IP4 198.51.100.9\r\nm=AUDIO 4000 rtp/avp 0\r\n"),
        ("port with count", "v=0\r\nc=IN IP4 198.51.100.9\r\nm=audio 4000/2 RTP/AVP 0\r\n"),
    ];
    for (name, text) in table {
        let offered = Offer::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (bytes, audio) = answer(&offered, &local(), HoldState::Active, &mut SdpSession::new(1)).unwrap();
        assert_eq!(audio.remote, "198.51.100.9:4000".parse().unwrap(), "{name}");
        assert_eq!(m_lines(&String::from_utf8(bytes).unwrap()).len(), 1, "{name}");
    }
    let latin = b"v=0\r\ns=B\xfcro\r\nc=IN IP4 198.51.100.9\r\nm=audio 4000 RTP/AVP 0\r\na=x:\xe9\0\r\n";
    assert!(Offer::parse(latin).is_ok());
}

#[test]
fn what_is_no_description_is_an_error_with_a_status() {
    let many = "m=audio 4000 RTP/AVP 0\r\n".repeat(33);
    let table: [(&[u8], u16); 7] = [
        (b"", 400),
        (b"hello", 400),
        (b"v=1\r\nm=audio 4000 RTP/AVP 0\r\n", 400),
        (b"v=0\r\nm=audio 70000 RTP/AVP 0\r\n", 400),
        (b"v=0\r\nm=audio\r\n", 400),
        (many.as_bytes(), 488),
        (&[b'a'; 40_000], 413),
    ];
    for (body, status) in table {
        let error = Offer::parse(body).unwrap_err();
        assert_eq!(error.status(), status, "{error}");
    }
}

#[test]
fn our_offer_is_written_whole_and_its_answer_read() {
    let mut session = SdpSession::new(7 << 2);
    let (bytes, pending) = offer(&local(), HoldState::Active, &mut session).unwrap();
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
    let lines = ["m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "a=ptime:30"];
    let audio = accept_answer(&pending, body(&lines).as_bytes()).unwrap();
    assert_eq!((audio.codec, audio.payload_type, audio.ptime), (AudioCodec::Pcma, 8, Millis(30)));
    assert_eq!(audio.telephone_event.unwrap().payload_type, 101);
}

#[test]
fn an_answer_with_numbers_of_its_own_is_sent_by_them_and_received_by_ours() {
    let wide = LocalMedia { codecs: vec![AudioCodec::Opus, AudioCodec::Pcmu], ..local() };
    let (bytes, pending) = offer(&wide, HoldState::Active, &mut SdpSession::new(1)).unwrap();
    assert!(String::from_utf8(bytes).unwrap().contains("m=audio 10000 RTP/AVP 96 0 101\r\n"));
    let lines = ["m=audio 4000 RTP/AVP 111 99", "a=rtpmap:111 opus/48000/2", "a=rtpmap:99 telephone-event/48000"];
    let audio = accept_answer(&pending, body(&lines).as_bytes()).unwrap();
    assert_eq!((audio.payload_type, audio.receive_payload_type), (111, 96));
    let event = audio.telephone_event.unwrap();
    assert_eq!((event.payload_type, event.receive_payload_type), (99, 101));
}

#[test]
fn hold_by_us_is_confirmed_by_any_answer() {
    let table = [
        (HoldState::Held, "a=recvonly", Direction::SendOnly, false),
        (HoldState::Held, "a=sendrecv", Direction::SendOnly, false),
        (HoldState::Held, "a=inactive", Direction::Inactive, true),
        (HoldState::HeldSilent, "a=inactive", Direction::Inactive, true),
        (HoldState::Active, "a=sendonly", Direction::RecvOnly, true),
    ];
    for (hold, answered, expected, held_by_peer) in table {
        let (_, pending) = offer(&local(), hold, &mut SdpSession::new(1)).unwrap();
        let audio = accept_answer(&pending, body(&["m=audio 4000 RTP/AVP 0", answered]).as_bytes()).unwrap();
        assert_eq!((audio.direction, audio.held_by_peer), (expected, held_by_peer), "{hold:?} {answered}");
    }
}

#[test]
fn answers_that_break_the_exchange_are_errors() {
    let (_, pending) = offer(&local(), HoldState::Active, &mut SdpSession::new(1)).unwrap();
    let table: [(&[&str], &str); 6] = [
        (&["m=audio 0 RTP/AVP 0"], "port 0"),
        (&["m=audio 4000 RTP/AVP 9"], "no common codec"),
        (&["m=audio 4000 RTP/SAVP 0"], "RTP/SAVP"),
        (&[], "0 media lines"),
        (&["m=video 4000 RTP/AVP 0"], "1 media lines"),
        (&["m=audio 4000 RTP/AVP 0", "c=IN IP4 224.0.0.5"], "multicast"),
    ];
    for (lines, word) in table {
        let error = accept_answer(&pending, body(lines).as_bytes()).unwrap_err();
        assert!(error.to_string().contains(word), "'{error}' lacks '{word}'");
    }
    assert!(accept_answer(&pending, b"nonsense").is_err());
}

#[test]
fn a_later_offer_keeps_the_lines_and_the_numbers_of_the_dialog() {
    let mut session = SdpSession::new(1);
    let first =
        offer_of(&["m=image 0 udptl t38", "m=audio 4000 RTP/AVP 0 96 101", "a=rtpmap:96 telephone-event/8000", "a=rtpmap:101 ilbc/8000"]);
    answer(&first, &local(), HoldState::Active, &mut session).unwrap();
    let (bytes, pending) = offer(&local(), HoldState::Held, &mut session).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(m_lines(&text), ["m=image 0 udptl t38", "m=audio 10000 RTP/AVP 0 8 96"]);
    let audio = accept_answer(&pending, body(&["m=image 0 udptl t38", "m=audio 4000 RTP/AVP 0", "a=recvonly"]).as_bytes()).unwrap();
    assert_eq!(audio.direction, Direction::SendOnly);
    assert!(accept_answer(&pending, body(&["m=audio 4000 RTP/AVP 0"]).as_bytes()).is_err(), "the audio is not in its place");

    let taken = offer_of(&["m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 ilbc/8000"]);
    let mut session = SdpSession::new(1);
    answer(&taken, &local(), HoldState::Active, &mut session).unwrap();
    let (bytes, _) = offer(&local(), HoldState::Active, &mut session).unwrap();
    assert!(String::from_utf8(bytes).unwrap().contains("a=rtpmap:96 telephone-event/8000"), "101 means ilbc in this dialog");
}

#[test]
fn an_unchanged_offer_keeps_its_version_so_a_session_refresh_can_use_it() {
    let mut session = SdpSession::new(1);
    let (first, _) = offer(&local(), HoldState::Active, &mut session).unwrap();
    let (again, _) = offer(&local(), HoldState::Active, &mut session).unwrap();
    assert_eq!(first, again);
    let (held, _) = offer(&local(), HoldState::Held, &mut session).unwrap();
    assert_ne!(first, held);
    assert_eq!(session.version(), 2);
}

#[test]
fn an_offer_without_codecs_is_not_made() {
    let none = LocalMedia { codecs: Vec::new(), ..local() };
    assert_eq!(offer(&none, HoldState::Active, &mut SdpSession::new(1)).unwrap_err(), SdpError::NothingToOffer);
}

#[test]
fn the_description_is_found_in_plain_and_in_multipart_bodies() {
    let sdp = "v=0\r\nc=IN IP4 198.51.100.9\r\nm=audio 4000 RTP/AVP 0";
    assert_eq!(sdp_part("Application/SDP; charset=utf-8", sdp.as_bytes()).unwrap(), sdp.as_bytes());
    let isup = "preamble\r\n--b1\r\nContent-Type: application/ISUP;version=x\r\n\r\n\x01\x02\r\n";
    let mixed = format!("{isup}--b1\r\nContent-Type: application/sdp\r\nContent-Disposition: session\r\n\r\n{sdp}\r\n--b1--\r\nepilogue");
    let unclosed = format!("{isup}--b1 \r\nc:application/sdp\r\n\r\n{sdp}");
    let line_feeds = mixed.replace("\r\n", "\n");
    for (content_type, body) in [
        ("multipart/mixed;boundary=b1", mixed.as_str()),
        ("Multipart/Mixed; Boundary = \"b1\"; x=y", mixed.as_str()),
        ("multipart/mixed;boundary=b1", unclosed.as_str()),
        ("multipart/mixed;boundary=b1", line_feeds.as_str()),
    ] {
        let found = sdp_part(content_type, body.as_bytes()).unwrap();
        assert_eq!(Offer::parse(found).unwrap(), Offer::parse(sdp.as_bytes()).unwrap(), "{content_type}");
    }
    let nested = format!("--o\r\nContent-Type: multipart/alternative;boundary=b1\r\n\r\n{mixed}\r\n--o--\r\n");
    assert!(sdp_part("multipart/mixed;boundary=o", nested.as_bytes()).is_ok());
}

#[test]
fn a_body_without_a_description_names_its_type() {
    assert_eq!(sdp_part("application/pidf+xml", b"<x/>").unwrap_err().status(), 415);
    let encoded = b"--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--b--\r\n";
    let error = sdp_part("multipart/mixed;boundary=b", encoded).unwrap_err();
    assert!(error.status() == 400 && error.to_string().contains("transfer encoding"), "{error}");
    assert!(sdp_part("multipart/mixed", encoded).unwrap_err().to_string().contains("boundary"));
    assert!(sdp_part("multipart/mixed;boundary=other", encoded).is_err());
}

#[test]
fn a_summary_shows_streams_but_no_address() {
    let offered = offer_of(&["m=audio 4000 RTP/AVP 0 8", "a=sendonly", "m=video 5 RTP/AVP 96", "m=image 0 udptl t38"]);
    assert_eq!(offered.summary(), "audio sendonly PCMU/8000 PCMA/8000; video RTP/AVP; image refused");
}

#[test]
fn our_order_decides_between_g711_and_g722_and_the_offer_s_between_the_two_laws() {
    let offered = |fmt: &str| {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP {fmt}\r\na=rtpmap:9 G722/8000\r\n"
        );
        Offer::parse(text.as_bytes()).unwrap()
    };
    let answered = |fmt: &str, codecs: &[AudioCodec]| {
        let local = LocalMedia { codecs: codecs.to_vec(), ..local() };
        answer(&offered(fmt), &local, HoldState::Active, &mut SdpSession::new(1)).unwrap().1.codec
    };
    use AudioCodec::{G722, Pcma, Pcmu};
    assert_eq!(answered("9 8 0", &[Pcmu, Pcma, G722]), Pcma);
    assert_eq!(answered("9 0 8", &[Pcmu, Pcma, G722]), Pcmu);
    assert_eq!(answered("0 8 9", &[G722, Pcmu, Pcma]), G722);
    assert_eq!(answered("9 18", &[Pcmu, Pcma, G722]), G722);
    assert_eq!(answered("9 0", &[Pcmu]), Pcmu);
}
