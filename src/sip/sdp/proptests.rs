//! Whatever a peer sends: an answer of the right shape or an error, never a panic.

use super::*;
use proptest::prelude::*;

const SEED: &str = "v=0\r\no=Big PBX 1 1 IN IP4 198.51.100.9\r\ns=\r\nc=IN IP4 198.51.100.9\r\nb=AS:84\r\nt=0 0\r\na=sendonly\r\n\
    m=audio 4000 RTP/AVP 0 8 9 96 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n\
    a=maxptime:40\r\na=rtcp:4001 IN IP4 198.51.100.9\r\na=rtcp-mux\r\nm=video 4002 RTP/AVP 97\r\nc=IN IP6 2001:db8::9\r\nm=image 0 udptl t38\r\n";

/// Lines that are swapped in, left out, doubled and cut: the ways in which real bodies are wrong.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        3 => prop::sample::select(SEED.split("\r\n").map(str::to_owned).collect::<Vec<_>>()),
        1 => "[a-z]=[ -~]{0,40}",
        1 => "m=(audio|video|image|x) {1,2}[0-9]{1,5}(/[0-9])? (RTP/AVP|RTP/SAVP|udptl|) ?[0-9 *t]{0,9}",
        1 => "a=(rtpmap|ptime|maxptime|rtcp|fmtp):[ -~]{0,20}",
        1 => "c=IN IP[46] [0-9a-f.:/]{0,20}",
    ];
    let end = prop::sample::select(vec!["\r\n", "\n", "\r", ""]);
    let body = prop::collection::vec((line, end), 0..30);
    (body, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)).prop_map(|(lines, flips)| {
        let mut bytes: Vec<u8> = b"v=0\r\n".to_vec();
        lines.iter().for_each(|(line, end)| bytes.extend_from_slice([line, *end].concat().as_bytes()));
        for (place, byte) in flips {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes
    })
}

fn local() -> LocalMedia {
    LocalMedia {
        address: "192.0.2.1".parse().unwrap(),
        port: 10_000,
        codecs: AudioCodec::ALL.to_vec(),
        telephone_event: Some(101),
        ptime: Millis(20),
        rtcp_mux: true,
    }
}

fn m_lines(bytes: &[u8]) -> usize {
    String::from_utf8_lossy(bytes).replace('\r', "\n").split('\n').filter(|line| line.trim().starts_with("m=")).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_has_as_many_m_lines_as_the_offer_or_there_is_none(body in mutated()) {
        let mut session = SdpSession::new(1);
        if let Ok(offered) = Offer::parse(&body) {
            let _ = offered.summary();
            let answered = answer(&offered, &local(), HoldState::Active, &mut session);
            prop_assert!(!matches!(answered, Err(SdpError::LineCount { .. })), "{answered:?}");
            if let Ok((answered, audio)) = answered {
                prop_assert_eq!(m_lines(&answered), m_lines(&body));
                prop_assert!(Offer::parse(&answered).is_ok(), "our own words are readable");
                prop_assert!(audio.ptime.0 >= 10 && audio.ptime.0 <= 60);
                let (again, _) = offer(&local(), HoldState::Held, &mut session).unwrap();
                prop_assert_eq!(m_lines(&again), m_lines(&body));
            }
        }
        let (_, pending) = offer(&local(), HoldState::Active, &mut SdpSession::new(1)).unwrap();
        let _ = accept_answer(&pending, &body);
    }

    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..400), content_type in "[ -~]{0,60}") {
        let _ = Offer::parse(&body);
        let _ = sdp_part(&content_type, &body);
        let _ = sdp_part("multipart/mixed;boundary=\"", &body);
        let _ = sdp_part("multipart/mixed;boundary=a", &body);
    }
}
