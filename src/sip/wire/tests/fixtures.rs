//! Whole messages from `tests/sip`: the torture set of RFC 4475 (by its names, in our words) and what trunks and PBXs really send.

use super::*;
use crate::sip::readers::{MediaType, NameAddr, Replaces, SessionExpires, Transport, Via};
use crate::sip::uri::{Host, Uri};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
    /// Read; what the endpoint then makes of it is its own test.
    Take,
    /// Answered with this status, for this reason.
    Refuse(u16, &'static str),
    /// Dropped and counted.
    Drop(&'static str),
}
use Say::{Drop, Refuse, Take};

const TORTURE: &[(&str, Say)] = &[
    // RFC 4475 section 3.1.1: valid
    ("wsinv", Take),
    ("intmeth", Take),
    ("esc01", Take),
    ("escnull", Take),
    ("esc02", Take),
    ("lwsdisp", Take),
    ("longreq", Take),
    ("dblreq", Take),
    ("semiuri", Take),
    ("transports", Take),
    ("mpart01", Take),
    ("unreason", Take),
    ("noreason", Take),
    // section 3.1.2: invalid
    ("badinv01", Drop("request without a readable top Via")),
    ("clerr", Refuse(400, "the body is shorter than Content-Length")),
    ("ncl", Refuse(400, "Content-Length is no number of bytes")),
    ("scalar02", Refuse(400, "CSeq is not a number below 2^31 and a method")),
    ("scalarlg", Drop("response without a readable Via, From, To, Call-ID or CSeq")),
    ("quotbal", Refuse(400, "To cannot be read")),
    ("ltgtruri", Refuse(400, "the Request-URI is not well-formed")),
    ("lwsruri", Refuse(400, "the request line is not method, URI and version")),
    ("lwsstart", Take),
    ("trws", Take),
    ("escruri", Take),
    ("baddate", Take),
    ("regbadct", Refuse(400, "a Contact cannot be read")),
    ("badaspec", Take),
    ("baddn", Take),
    ("badvers", Refuse(505, "only SIP/2.0 is spoken here")),
    ("badvers-via2", Refuse(505, "only SIP/2.0 is spoken here")),
    ("mismatch01", Refuse(400, "CSeq names another method than the request line")),
    ("mismatch02", Refuse(400, "CSeq names another method than the request line")),
    ("bigcode", Drop("bad status line")),
    // section 3.2: transaction layer
    ("badbranch", Take),
    // section 3.3: application layer
    ("insuf", Refuse(400, "From is missing")),
    ("unkscm", Take),
    ("novelsc", Take),
    ("unksm2", Take),
    ("bext01", Take),
    ("invut", Take),
    ("regaut01", Take),
    ("multi01", Refuse(400, "a header that may stand once stands twice")),
    ("mcl01", Refuse(400, "a header that may stand once stands twice")),
    ("bcast", Take),
    ("zeromf", Take),
    ("cparam01", Take),
    ("cparam02", Take),
    ("regescrt", Take),
    ("sdp01", Take),
    // section 3.4: backward compatibility
    ("inv2543", Take),
    // ours
    ("unparsable-ack", Drop("malformed ACK")),
];

const TRUNK: &[(&str, Say)] = &[
    ("compact-names", Take),
    ("folded-via", Take),
    ("tel-request-uri", Take),
    ("ipv6-request-uri", Take),
    ("latin1-display-name", Take),
    ("angle-in-display-name", Take),
    ("two-vias-one-line", Take),
    ("space-before-semicolon", Take),
    ("two-spaces-request-line", Take),
    ("unknown-method", Take),
    ("require-unknown", Take),
    ("session-expires-60", Take),
    ("space-before-colon", Take),
    ("lf-only", Take),
    ("leading-crlf", Take),
    ("no-content-length", Take),
    ("extra-bytes-after-body", Take),
    ("status-100-no-reason", Take),
    ("identity-and-diversion", Take),
    ("instance-contact", Take),
    ("nat-dot-invalid-contact", Take),
    ("head-cut-off", Refuse(400, "the header section does not end")),
    ("two-different-tos", Refuse(400, "a header that may stand once stands twice")),
    ("empty-supported", Take),
    ("http-request", Drop("not a SIP request line")),
    ("no-via", Drop("request without a readable top Via")),
    ("garbage-via", Drop("request without a readable top Via")),
    ("refer-replaces-libre", Take),
    ("refer-replaces-pjsip", Take),
    ("challenge-sha256-and-md5", Take),
    ("register-with-credentials", Take),
    ("notify-sipfrag", Take),
    ("info-dtmf-relay", Take),
];

/// All files of a folder, by name without `.sip`.
pub(super) fn files(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sip").join(folder);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap())).collect()
}

fn trunk(name: &str) -> Request {
    taken_request(&files("trunk")[name])
}

fn torture(name: &str) -> Request {
    taken_request(&files("torture")[name])
}

fn check(folder: &str, table: &[(&str, Say)]) {
    let mut files = files(folder);
    for (name, wanted) in table {
        let bytes = files.remove(*name).unwrap_or_else(|| panic!("{folder}/{name}.sip is missing"));
        let said = match parse_datagram(&bytes) {
            Ok(message) => {
                assert_eq!(parse_datagram(&print(&message)), Ok(message), "{name} is not the same after printing");
                Take
            }
            Err(WireError::BadRequest(refusal)) => {
                let answer = print(&refusal.response("t").into());
                assert!(
                    parse_datagram(&answer).is_ok() || *name == "insuf" || *name == "quotbal" || *name == "scalar02",
                    "{name}: unreadable answer"
                );
                Refuse(refusal.status, refusal.why)
            }
            Err(WireError::Unroutable(why)) => Drop(why),
            Err(WireError::KeepAlive(_)) => panic!("{name} read as a keep-alive"),
        };
        assert_eq!(said, *wanted, "{name}");
    }
    assert!(files.is_empty(), "no expectation for {:?}", files.keys());
}

#[test]
fn every_torture_message_gets_its_answer() {
    check("torture", TORTURE);
}

#[test]
fn every_trunk_message_gets_its_answer() {
    check("trunk", TRUNK);
}

#[test]
fn torture_white_space_everywhere_is_read() {
    let request = torture("wsinv");
    let (via, to, from) = (request.headers.top_via().unwrap(), request.headers.to().unwrap(), request.headers.from().unwrap());
    assert_eq!(via.to_string(), "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK390skdjuw");
    let vias: Vec<&str> = request.headers.all("via").collect();
    assert_eq!(vias.len(), 3);
    assert_eq!(Via::read(vias[2]).unwrap().branch().as_deref(), Some("z9hG4bK30239"));
    assert_eq!((to.tag().as_deref(), from.tag().as_deref()), (Some("77zz"), Some("9a")));
    assert_eq!(from.display.as_deref(), Some("Q \\\"  uoted"));
    assert_eq!(request.headers.cseq().unwrap().seq, 9);
    assert_eq!(request.headers.max_forwards().unwrap().unwrap().0, 68);
    assert_eq!(request.headers.get("newfangled"), Some("newfangled value continued newfangled value"));
    let contact = request.headers.contact().unwrap();
    assert_eq!((contact.display.as_deref(), contact.params.get("q").as_deref()), (Some("Quoted string \"\""), Some("0.33")));
    assert!(request.body.starts_with(b"v=0\r\n"));
}

#[test]
fn torture_methods_and_uris_of_odd_characters_are_kept() {
    let request = torture("intmeth");
    assert_eq!(request.method.as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    let uri = request.uri().unwrap();
    assert_eq!(uri.as_sip().unwrap().user.as_deref(), Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(uri.to_string(), request.target);
    assert_eq!(torture("esc02").method, Method::Other("RE%47IST%45R".into()));
    assert_eq!(torture("esc02").headers.get("C%6Fntact"), Some("<sip:alias2@host2.example>"));
    assert_eq!(torture("esc01").uri().unwrap().user().as_deref(), Some("sips:desk@other.example"));
    assert_eq!(torture("escnull").headers.all("Contact").count(), 2);
    assert_eq!(torture("semiuri").uri().unwrap().as_sip().unwrap().user.as_deref(), Some("user;par=u%40phone.example"));
    assert_eq!(torture("semiuri").uri().unwrap().user().as_deref(), Some("user"));
    assert_eq!(torture("lwsdisp").headers.from().unwrap().display.as_deref(), Some("caller"));
    assert_eq!(torture("baddn").headers.from().unwrap().display.as_deref(), Some("Bell, Alexander"));
    assert_eq!(torture("badaspec").headers.to().unwrap().uri, "sip:t.watson@worker.example");
}

#[test]
fn torture_of_framing_bodies_and_branches() {
    assert_eq!((torture("dblreq").method, torture("dblreq").body.len()), (Method::Register, 0));
    assert!(torture("mpart01").body.windows(4).any(|bytes| bytes == [0x30, 0x82, 0, 1]));
    let transports = torture("transports");
    let fourth = transports.headers.all("Via").nth(3).unwrap();
    assert_eq!(Via::read(fourth).unwrap().transport, Transport::Other("UNKNOWN".into()));
    assert_eq!(torture("badbranch").headers.top_via().unwrap().unique_branch(), None);
    assert!(matches!(torture("unkscm").uri(), Ok(Uri::Other { scheme, .. }) if scheme == "nobodyknowsthisscheme"));
    assert!(matches!(torture("novelsc").uri(), Ok(Uri::Other { scheme, .. }) if scheme == "soap.beep"));
    assert!(torture("bext01").headers.has_token("require", "NOTHINGsupportsthiseither"));
    assert_eq!(torture("zeromf").headers.max_forwards().unwrap().unwrap().0, 0);
    let files = files("torture");
    let Message::Response(trying) = taken(&files["noreason"]) else { panic!() };
    assert_eq!((trying.status, trying.reason.as_str()), (100, ""));
    let Message::Response(ok) = taken(&files["unreason"]) else { panic!() };
    assert!(ok.reason.starts_with("= 2**3 * 5**2 но"));
}

#[test]
fn compact_names_folded_lines_and_blanks_are_normalised() {
    let compact = trunk("compact-names").headers;
    for name in ["Via", "From", "To", "Call-ID", "Contact", "Supported", "Session-Expires", "Content-Type"] {
        assert_eq!(compact.all(name).count(), if name == "Supported" { 2 } else { 1 }, "{name}");
    }
    assert_eq!(SessionExpires::read(compact.get("x").or(compact.get("session-expires")).unwrap()).unwrap().seconds, 1800);
    for name in ["folded-via", "space-before-semicolon"] {
        let via = trunk(name).headers.top_via().unwrap();
        assert_eq!((via.branch().as_deref(), via.params.has("rport"), via.port), (Some("z9hG4bKk1"), true, Some(5060)), "{name}");
    }
    assert_eq!(trunk("space-before-colon").headers.get("User-Agent"), Some("pbx"));
    assert_eq!(trunk("two-vias-one-line").headers.all("Via").count(), 2);
    assert_eq!(trunk("latin1-display-name").headers.from().unwrap().display.as_deref(), Some("Jörg"));
    assert_eq!(trunk("angle-in-display-name").headers.from().unwrap().display.as_deref(), Some("<x>"));
    assert_eq!(trunk("empty-supported").headers.tokens("Allow").iter().collect::<Vec<_>>(), ["INVITE", "ACK", "BYE"]);
}

#[test]
fn request_uris_of_trunks_are_read() {
    assert_eq!(trunk("tel-request-uri").uri().unwrap().user().as_deref(), Some("+49305550100"));
    assert_eq!(trunk("ipv6-request-uri").uri().unwrap().as_sip().unwrap().host, Host::V6("2001:db8::5".parse().unwrap()));
    assert_eq!(trunk("two-spaces-request-line").target, "sip:1000@192.0.2.5:5060");
    assert_eq!(trunk("unknown-method").method, Method::Other("FROB".into()));
}

#[test]
fn bodies_of_trunks_are_framed() {
    let whole = trunk("compact-names").body;
    for name in ["lf-only", "leading-crlf", "no-content-length", "extra-bytes-after-body"] {
        assert_eq!(trunk(name).body, whole, "{name}");
    }
    assert!(MediaType::read(trunk("lf-only").headers.get("Content-Type").unwrap()).unwrap().is("application/sdp"));
}

#[test]
fn identities_diversions_and_contacts_of_trunks_are_read() {
    let headers = trunk("identity-and-diversion").headers;
    let asserted = headers.addresses("P-Asserted-Identity").unwrap();
    assert_eq!((asserted.len(), asserted[0].display.as_deref(), asserted[1].uri.as_str()), (2, Some("Ann, Sales"), "tel:+4930555"));
    let diverted = headers.addresses("Diversion").unwrap();
    assert_eq!((diverted.len(), diverted[0].params.get("reason").as_deref()), (2, Some("no-answer")));
    let contact = trunk("instance-contact").headers.contact().unwrap();
    assert_eq!(contact.params.get("+sip.instance").as_deref(), Some("<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"));
    assert_eq!(contact.uri, "sip:ann@198.51.100.7:5060;transport=tcp;ob");
}

#[test]
fn pains_4_attended_transfer_targets_of_real_phones_are_read() {
    for name in ["refer-replaces-libre", "refer-replaces-pjsip"] {
        let target = NameAddr::read(trunk(name).headers.get("Refer-To").unwrap()).unwrap().uri().unwrap();
        let replaces = Replaces::read(&target.as_sip().unwrap().header("replaces").unwrap()).unwrap();
        assert_eq!((replaces.call_id.as_str(), replaces.to_tag.as_str(), replaces.from_tag.as_str()), ("abc@h", "1", "2"), "{name}");
    }
}
