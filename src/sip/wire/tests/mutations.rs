//! Properties: nothing panics, printing and reading are inverse.

use super::fixtures::files;
use super::*;
use crate::sip::auth::{Account, ClientSession, DigestServer, DigestServerConfig, Side};
use crate::sip::readers::{self, DigestAlgorithm, Sipfrag};
use crate::sip::uri::Uri;
use proptest::prelude::*;

/// Everything anyone may do to a message that was read.
fn look_at_everything(message: &Message) {
    let headers = message.headers();
    let _ =
        (headers.top_via().map(|via| via.reply_to()), headers.from_tag(), headers.to_tag(), headers.contact().map(|contact| contact.uri()));
    let _ = (headers.addresses("Route"), headers.tokens("Allow"), headers.content_type(), headers.params_of("Via"));
    for (_, value) in headers.iter() {
        look_at_value(value);
    }
    let _ = (Sipfrag::read(message.body()), readers::DtmfInfo::read(message.body()));
    if let Message::Response(response) = message
        && let Ok(mut session) = ClientSession::from_response(response, None)
    {
        let account = Account { username: "u".into(), password: "p".into() };
        session.sign_request(&account, &mut Request::new(Method::Invite, "sip:a@h"), "c");
    }
    if let Message::Request(request) = message {
        let _ = request.part("application/octet-stream");
        let mut reply = request.reply(200, "OK");
        reply.headers.tag_to("t");
        let _ = (request.uri().map(|uri| uri.user()), print(&reply.into()));
        let mut server = DigestServer::new(DigestServerConfig {
            realm: "pbx.example".into(),
            side: Side::Server,
            algorithms: DigestAlgorithm::ALL.to_vec(),
            key: Vec::new().into(),
            nonce_life: std::time::Duration::from_secs(1),
        });
        let password = crate::model::Redacted::<String>::from("secret");
        let _ = server.verify(crate::model::WorkerTime::ZERO, request, |_| Some(&password));
    }
}

fn look_at_value(value: &str) {
    let _ = (readers::Via::read(value), readers::CSeq::read(value), readers::Replaces::read(value), readers::RAck::read(value));
    let _ = (readers::SessionExpires::read(value), readers::Reason::read(value), readers::SubscriptionState::read(value));
    let _ = (readers::Event::read(value), readers::MediaType::read(value), readers::RetryAfter::read(value), readers::RSeq::read(value));
    let _ = (
        readers::Challenge::read(value),
        readers::Credentials::read(value),
        readers::MinSe::read(value),
        readers::MaxForwards::read(value),
    );
    if let Ok(uri) = Uri::read(value) {
        assert_eq!(Uri::read(&uri.to_string()), Ok(uri.clone()), "a printed URI reads as itself");
    }
    if let Ok(address) = readers::NameAddr::read(value) {
        assert_eq!(readers::NameAddr::read(&address.to_string()), Ok(address.clone()), "a printed address reads as itself");
    }
}

fn check(bytes: &[u8]) {
    let stream = {
        let mut framer = StreamFramer::new(StreamRole::Accepted, Limits { head: 8192, body: 8192 });
        framer.push(bytes);
        std::iter::from_fn(move || framer.pop().ok().flatten()).take(20).collect::<Vec<_>>()
    };
    drop(stream);
    match parse_datagram(bytes) {
        Ok(message) => {
            look_at_everything(&message);
            assert_eq!(parse_datagram(&print(&message)), Ok(message));
        }
        Err(WireError::BadRequest(refusal)) => drop(print(&refusal.response("t").into())),
        Err(WireError::KeepAlive(_) | WireError::Unroutable(_)) => {}
    }
}

fn corpus() -> Vec<Vec<u8>> {
    files("torture").into_values().chain(files("trunk").into_values()).filter(|bytes| bytes.len() < 4000).collect()
}

/// One change: (kind, where, what).
fn mutate(bytes: &mut Vec<u8>, (kind, place, byte): (u8, usize, u8)) {
    const TELLING: &[u8] = b"<>\";:,@?%=/\\ \r\n\t\0()[]+*\xff\xc3&";
    let at = place % (bytes.len() + 1);
    match kind % 5 {
        0 => bytes.insert(at, byte),
        1 => bytes.insert(at, TELLING[usize::from(byte) % TELLING.len()]),
        2 if at < bytes.len() => drop(bytes.remove(at)),
        3 if at < bytes.len() => bytes[at] = TELLING[usize::from(byte) % TELLING.len()],
        4 => bytes.truncate(at.max(bytes.len().saturating_sub(usize::from(byte)))),
        _ => {}
    }
}

fn line() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-zA-Z0-9 äß\"<>;:=@%\r\n\t-]{0,40}").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_messages_never_panic_and_print_as_they_read(pick in any::<usize>(), changes in prop::collection::vec(any::<(u8, usize, u8)>(), 1..8)) {
        let corpus = corpus_once();
        let mut bytes = corpus[pick % corpus.len()].clone();
        for change in changes {
            mutate(&mut bytes, change);
        }
        check(&bytes);
    }

    #[test]
    fn what_we_build_reads_back_as_it_was(target in "sip:[a-z0-9]{1,9}@[a-z]{1,9}", subject in line(), other in line(), body in prop::collection::vec(any::<u8>(), 0..60), display in line()) {
        let mut request = Request::new(Method::Invite, target);
        request.headers.push("Via", "SIP/2.0/UDP h;branch=z9hG4bKx");
        request.headers.push("From", readers::NameAddr::new("sip:a@h").with_display(display).with_tag("1").to_string());
        request.headers.push("To", "<sip:b@h>");
        request.headers.push("Call-ID", "c");
        request.headers.push("CSeq", "1 INVITE");
        request.headers.push("Subject", subject);
        request.headers.push("X-Other", other);
        request.body = body;
        let message = Message::Request(request);
        let printed = print(&message);
        prop_assert_eq!(parse_datagram(&printed), Ok(message));
    }
}

fn corpus_once() -> &'static [Vec<u8>] {
    static CORPUS: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    CORPUS.get_or_init(corpus)
}
