//! Tables of what each reader takes and refuses.

use super::*;
use crate::model::{Digit, Millis};
use crate::sip::message::Method;
use crate::sip::uri::Host;

#[test]
fn via_is_read_as_real_peers_write_it() {
    let via = Via::read("SIP / 2.0 / tls [2001:db8::1] : 5061 ; branch = z9hG4bKa ;received=2001:db8::9; rport = 4000 ; ttl=1").unwrap();
    assert_eq!((via.transport.clone(), via.port, via.branch().as_deref()), (Transport::Tls, Some(5061), Some("z9hG4bKa")));
    assert_eq!(via.reply_to(), (Host::read("[2001:db8::9]").unwrap(), 4000));
    assert_eq!(via.to_string(), "SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKa;received=2001:db8::9;rport=4000;ttl=1");
    for bad in [
        "",
        ";",
        "SIP/2.0",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "HTTP/2.0/UDP h",
        "SIP/2.0/UDP h:0",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP h;;b=1",
        "SIP/2.0/UDP a b",
    ] {
        assert!(Via::read(bad).is_err(), "{bad}");
    }
}

#[test]
fn via_notes_where_a_request_came_from() {
    let noted = |value: &str, source: &str| {
        let mut via = Via::read(value).unwrap();
        via.note_source(source.parse().unwrap());
        (via.to_string(), format!("{:?}", via.reply_to()))
    };
    assert_eq!(
        noted("SIP/2.0/UDP 10.0.0.1:5062;branch=z;rport", "198.51.100.1:999").0,
        "SIP/2.0/UDP 10.0.0.1:5062;branch=z;rport=999;received=198.51.100.1"
    );
    assert_eq!(noted("SIP/2.0/UDP 10.0.0.1:5062;branch=z", "198.51.100.1:999").1, "(V4(198.51.100.1), 5062)");
    assert_eq!(noted("SIP/2.0/UDP 10.0.0.1;branch=z", "10.0.0.1:5060").0, "SIP/2.0/UDP 10.0.0.1;branch=z");
    assert_eq!(noted("SIP/2.0/TLS h;branch=z", "10.0.0.1:7").1, "(V4(10.0.0.1), 5061)");
    let same = noted("SIP/2.0/UDP 10.0.0.1:5060;branch=z;rport", "10.0.0.1:999").0;
    assert_eq!(same, "SIP/2.0/UDP 10.0.0.1:5060;branch=z;rport=999;received=10.0.0.1", "RFC 3581 section 4");
    // What the sender claims to have been received from is overwritten, and maddr leads nobody elsewhere.
    let lied = "SIP/2.0/UDP 10.0.0.1;branch=z;rport;received=203.0.113.9;maddr=203.0.113.9";
    assert_eq!(noted(lied, "198.51.100.1:999").1, "(V4(198.51.100.1), 999)");
}

#[test]
fn addresses_are_read_as_real_peers_write_them() {
    let table = [
        ("<sip:a@h>;tag=1", None, "sip:a@h", Some("1")),
        ("sip:a@h;tag=1", None, "sip:a@h", Some("1")),
        ("\"<x>\" <sip:a@h>;tag=1", Some("<x>"), "sip:a@h", Some("1")),
        ("\"a \\\"b\\\" ;c,\"<sip:a@h;x=y>;tag=1", Some("a \"b\" ;c,"), "sip:a@h;x=y", Some("1")),
        ("Bell, A. <sip:a@h> ; TAG = 1", Some("Bell, A."), "sip:a@h", Some("1")),
        ("\"\" <sip:a@h>", None, "sip:a@h", None),
        ("<tel:+49;phone-context=x>;tag=", None, "tel:+49;phone-context=x", None),
        ("<sip:a@h?Replaces=b%3Bto-tag%3D1>;early", None, "sip:a@h?Replaces=b%3Bto-tag%3D1", None),
        ("*", None, "*", None),
    ];
    for (value, display, uri, tag) in table {
        let read = NameAddr::read(value).unwrap();
        assert_eq!((read.display.as_deref(), read.uri.as_str(), read.tag().as_deref()), (display, uri, tag), "{value}");
        assert_eq!(NameAddr::read(&read.to_string()), Ok(read), "{value}");
    }
    for bad in
        ["", "<>", "a@h", "\"open <sip:a@h>", "<sip:a@h", "<sip:a@h> x", "<sip:a@h>;;", "<sip:a b@h>", "sip:a@h?x=y", "<sip:a@h>;a=\"b"]
    {
        assert!(NameAddr::read(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_address_we_build_cannot_be_broken_out_of() {
    let built = NameAddr::new("sip:a@h>;tag=evil\r\nX: 1").with_display("\"><sip:evil@h>\r\nX: 1").with_tag("a\";b");
    let read = NameAddr::read(&built.to_string()).unwrap();
    assert_eq!((read.uri.as_str(), read.tag().as_deref()), ("sip:a@h;tag=evilX:1", Some("a\";b")));
    assert!(!built.to_string().contains(['\r', '\n']));
}

#[test]
fn cseq_and_rack() {
    assert_eq!(CSeq::read("4711   INVITE"), Ok(CSeq::new(4711, Method::Invite)));
    assert_eq!(CSeq::read("2147483647 invite"), Ok(CSeq::new(2_147_483_647, Method::Other("invite".into()))));
    for bad in ["", "1", "INVITE", "2147483648 INVITE", "-1 INVITE", "+1 INVITE", "1 INVITE x", "1 IN<>"] {
        assert!(CSeq::read(bad).is_err(), "{bad}");
    }
    let rack = RAck::read("776656 1 INVITE").unwrap();
    assert_eq!((rack.rseq, rack.cseq, rack.to_string().as_str()), (RSeq(776_656), 1, "776656 1 INVITE"));
    assert!(RAck::read("1 INVITE").is_err() && RSeq::read("0").is_err() && RSeq::read("4294967296").is_err());
}

#[test]
fn session_timers() {
    let read = SessionExpires::read("1800 ; Refresher=UAS;x=y").unwrap();
    assert_eq!((read.seconds, read.refresher, read.to_string().as_str()), (1800, Some(Refresher::Uas), "1800;refresher=uas"));
    assert_eq!(SessionExpires::read("90;refresher=me").unwrap().refresher, None);
    assert_eq!(MinSe::read("120;x").unwrap().to_string(), "120");
    for bad in ["", "x", "-1", "1.5", "99999999999", "90;;"] {
        assert!(SessionExpires::read(bad).is_err() && MinSe::read(bad).is_err(), "{bad}");
    }
}

#[test]
fn replaces_needs_both_tags() {
    let read = Replaces::read("98732@h ;from-tag=r33th4x0r; to-tag=ff87ff;early-only").unwrap();
    assert_eq!(read.to_string(), "98732@h;to-tag=ff87ff;from-tag=r33th4x0r;early-only");
    for bad in ["", "a;to-tag=1", "a;from-tag=1", ";to-tag=1;from-tag=2", "a b;to-tag=1;from-tag=2"] {
        assert!(Replaces::read(bad).is_err(), "{bad}");
    }
}

#[test]
fn reasons_say_why() {
    let read = Reason::read("q.850 ;cause=16 ;text=\"Normal \\\"call\\\" clearing; really\"").unwrap();
    assert_eq!((read.is_q850(), read.cause, read.text.as_deref()), (true, Some(16), Some("Normal \"call\" clearing; really")));
    assert_eq!(Reason::read(&read.to_string()), Ok(read));
    assert_eq!(Reason::sip(480, "x").to_string(), "SIP;cause=480;text=\"x\"");
    assert_eq!(Reason::read("SIP;cause=many").unwrap().cause, None);
    assert!(Reason::read("").is_err() && Reason::read("SIP;text=\"open").is_err());
}

#[test]
fn subscriptions_and_events() {
    let read = SubscriptionState::read("Terminated ;reason=noresource;retry-after=5").unwrap();
    assert!(read.is_terminated());
    assert_eq!((read.reason.as_deref(), read.retry_after, read.expires), (Some("noresource"), Some(5), None));
    assert_eq!(SubscriptionState::read("active;expires=60").unwrap().to_string(), "active;expires=60");
    assert_eq!(SubscriptionState::read("waiting").unwrap().status, SubscriptionStatus::Other("waiting".into()));
    assert!(SubscriptionState::read("").is_err());
    let event = Event::read("Refer ; id = 93809824").unwrap();
    assert!(event.is("refer") && !event.is("presence"));
    assert_eq!(event.to_string(), "Refer;id=93809824");
}

#[test]
fn token_lists_and_media_types() {
    let list = Tokens::read(["timer, 100rel,,", "", "Replaces"]);
    assert!(list.contains("TIMER") && list.contains("replaces") && !list.contains("path"));
    assert_eq!(list.unknown_to(&["timer", "replaces"]).to_string(), "100rel");
    let kind = MediaType::read("Application/SDP ; charset=\"utf-8\"").unwrap();
    assert!(kind.is("application/sdp") && !kind.is("application/dtmf") && MediaType::read("*/*").unwrap().accepts("a/b"));
    assert!(
        MediaType::read("application/*").unwrap().accepts("application/sdp")
            && !MediaType::read("text/*").unwrap().accepts("application/sdp")
    );
    assert!(MediaType::read("sdp").is_err() && MediaType::read("a/").is_err());
}

#[test]
fn retry_after_and_max_forwards() {
    let read = RetryAfter::read("120 (I'm in a meeting; really) ;duration=3600").unwrap();
    assert_eq!((read.seconds, read.duration), (120, Some(3600)));
    assert_eq!(RetryAfter { seconds: 5, duration: None }.to_string(), "5");
    assert!(RetryAfter::read("soon").is_err() && RetryAfter::read("5 (open").is_err() && RetryAfter::read(") 5 (").is_err());
    assert_eq!(MaxForwards::read("0070"), Ok(MaxForwards(70)));
    assert!(MaxForwards::read("256").is_err() && MaxForwards::read("").is_err());
}

#[test]
fn pains_2_a_transfer_s_outcome_is_read_from_any_sipfrag() {
    let read = |body: &[u8]| Sipfrag::read(body).map(|frag| (frag.status, frag.reason));
    assert_eq!(read(b"SIP/2.0 486 Busy Here\r\nX: y\r\n"), Ok((486, "Busy Here".into())));
    assert_eq!(read(b"\r\nsip/2.0 200"), Ok((200, String::new())));
    assert_eq!(read(b"SIP/2.0 100 Trying"), Ok((100, "Trying".into())));
    for bad in [&b""[..], b"\r\n", b"OK", b"SIP/2.0", b"SIP/2.0 99 x", b"SIP/2.0 2000 x", b"SIP/2.0 700 x", b"\xff\xfe"] {
        assert!(read(bad).is_err());
    }
    assert!(Sipfrag::new(183, "x").is_provisional() && Sipfrag::new(200, "x").is_success());
    assert_eq!(Sipfrag::new(603, "De\r\ncline").to_string(), "SIP/2.0 603 De  cline\r\n");
}

#[test]
fn pains_18_keys_in_info_are_read_whatever_their_form() {
    let key = |body: &str| DtmfInfo::read(body.as_bytes()).map(|info| (info.digit.as_char(), info.duration.map(|ms| ms.0)));
    assert_eq!(key("Signal=5\r\nDuration=160\r\n"), Ok(('5', Some(160))));
    assert_eq!(key("Signal= #\nDuration= 250"), Ok(('#', Some(250))));
    assert_eq!(key("signal : 10\r\nDuration=x"), Ok(('*', None)));
    assert_eq!(key("Duration=99999999\r\nSignal=\"d\""), Ok(('D', Some(60_000))));
    assert_eq!(key("7"), Ok(('7', None)));
    assert_eq!(key("\r\n*\r\n"), Ok(('*', None)));
    for bad in ["", "Signal=", "Signal=16", "Signal=55", "Signal=010", "Signal=x", "hello", "Signal=é"] {
        assert!(key(bad).is_err(), "{bad}");
    }
    assert!(DtmfInfo::is_dtmf("application/DTMF-relay; x=y") && DtmfInfo::is_dtmf("application/dtmf") && !DtmfInfo::is_dtmf("text/plain"));
    let info = DtmfInfo { digit: Digit::from_char('9').unwrap(), duration: Some(Millis(80)) };
    assert_eq!(DtmfInfo::read(&info.relay_body()), Ok(info));
    assert!(!format!("{info:?}").contains('9'), "a key is not shown");
}

#[test]
fn challenges_and_credentials() {
    let read =
        Challenge::read("digest realm=\"a, \\\"b\\\"\" , nonce=n ,QOP=\"auth-int, auth,new\", stale=True, algorithm=sha-256").unwrap();
    assert_eq!((read.realm.as_str(), read.nonce.as_str(), read.stale, read.algorithm), ("a, \"b\"", "n", true, DigestAlgorithm::Sha256));
    assert_eq!(read.qop, [Qop::AuthInt, Qop::Auth]);
    assert_eq!(Challenge::read(&read.to_string()), Ok(read));
    for bad in [
        "",
        "Digest",
        "Basic realm=\"x\"",
        "Digest realm=\"x\"",
        "Digest realm=\"x\", nonce=\"y",
        "Digest realm=\"x\", nonce=\"y\", nonce=\"z\"",
        "Digest realm=\"x\", nonce=\"y\", qop=\"new\"",
        "Digest realm=\"x\", nonce=\"y\", algorithm=SHA256",
    ] {
        assert!(Challenge::read(bad).is_err(), "{bad}");
    }
    assert!(
        Credentials::read("Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"x\", response=\"0\", qop=auth").is_err(),
        "qop without nc"
    );
}

#[test]
fn an_error_never_repeats_the_value() {
    let error = NameAddr::read("\"secret name <sip:+4930555@h>").unwrap_err();
    assert_eq!(error.to_string(), "address: the quoted display name does not end");
}

#[test]
fn sdp_is_found_beside_other_parts() {
    let find = |kind: &str, body: &str| {
        part(&MediaType::read(kind).unwrap(), body.as_bytes(), "application/sdp").map(|part| String::from_utf8_lossy(part).into_owned())
    };
    let body = "preamble\r\n--b1\r\nContent-Type: application/isup;x=y\r\n\r\n\x01\x10--b1\r\n--b1 \r\nContent-Disposition: session\r\n\
                c : Application/SDP\r\n\r\nv=0\r\ns=--b1\r\n--b10\r\n\r\n--b1--\r\n";
    assert_eq!(find("multipart/mixed; boundary=\"b1\"", body).as_deref(), Some("v=0\r\ns=--b1\r\n--b10\r\n"));
    assert_eq!(find("multipart/mixed;boundary=b1", &body.replace("\r\n", "\n")).as_deref(), Some("v=0\ns=--b1\n--b10\n"));
    assert_eq!(find("Application/sdp", "v=0").as_deref(), Some("v=0"));
    for (kind, body) in [
        ("text/plain", "v=0"),
        ("multipart/mixed", body),
        ("multipart/mixed;boundary=\"\"", body),
        ("multipart/mixed;boundary=b2", body),
        ("multipart/mixed;boundary=b1", "--b1"),
        ("multipart/mixed;boundary=b1", "--b1--"),
        ("multipart/mixed;boundary=b1", "--b1\r\n--b1--"),
        ("multipart/mixed;boundary=b1", "--b1\r\nContent-Type: application/sdp\r\n--b1--"),
        ("multipart/mixed;boundary=b1", "--b1\r\nContent-Type: application/sdp\r\n\r\nv=0 and no end"),
    ] {
        assert_eq!(find(kind, body), None, "{kind} {body}");
    }
}
