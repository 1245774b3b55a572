//! Digest against published examples and an independent implementation, then the two sides against each other.

use super::*;
use crate::sip::readers::DigestAlgorithm::{Md5, Md5Sess, Sha256, Sha256Sess, Sha512Trunc256, Sha512Trunc256Sess};

fn credentials(
    algorithm: DigestAlgorithm,
    qop: Option<Qop>,
    (user, realm, nonce, cnonce, uri): (&str, &str, &str, &str, &str),
) -> Credentials {
    Credentials {
        username: user.into(),
        realm: realm.into(),
        nonce: nonce.into(),
        uri: uri.into(),
        response: String::new(),
        algorithm,
        opaque: None,
        qop,
        cnonce: Some(cnonce.into()),
        nc: Some(1),
    }
}

#[test]
fn rfc_2617_section_3_5_example() {
    let who = ("Mufasa", "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "/dir/index.html");
    let get = Method::Other("GET".into());
    assert_eq!(response(&credentials(Md5, Some(Qop::Auth), who), "Circle Of Life", &get, b""), "6629fae49393a05397450978507c4ef1");
}

#[test]
fn rfc_7616_section_3_9_1_examples() {
    let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    let who = ("Mufasa", "http-auth@example.org", nonce, cnonce, "/dir/index.html");
    let get = Method::Other("GET".into());
    for (algorithm, wanted) in
        [(Md5, "8ca523f5e9506fed4657c9700eebdbec"), (Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")]
    {
        assert_eq!(response(&credentials(algorithm, Some(Qop::Auth), who), "Circle of Life", &get, b""), wanted);
    }
    let who =
        ("Jäsøn Doe", "api@example.org", "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm", "/doe.json");
    // Section 3.9.2 without its userhash; the value is Python hashlib's.
    let wanted = "7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c";
    assert_eq!(response(&credentials(Sha512Trunc256, Some(Qop::Auth), who), "Secret, or not?", &get, b""), wanted);
}

/// Values of Python's hashlib: nc=0000000a, body `v=0 CR LF 0xff`.
#[test]
fn every_algorithm_and_qop_agrees_with_an_independent_implementation() {
    let (auth, int) = (Some(Qop::Auth), Some(Qop::AuthInt));
    let table = [
        (Md5, None, "efdf3963bea5a40e8787ea19afca4c10"),
        (Md5, auth, "0e5918d56ce0fb4f5938b1aff5cfe0cc"),
        (Md5, int, "7f59d8e9b6b21c80aeced7f9be5feeae"),
        (Md5Sess, None, "f91d781fcb1a4f3285c9040884adc4a5"),
        (Md5Sess, auth, "9c4f416378619cc2473f36b84ee9573b"),
        (Md5Sess, int, "8c455bb3ae84d52916a6f1eed1063226"),
        (Sha256, None, "4cc4c413c0f69b51e4150925ae94ffa87d910ff63d74cd15983c89887de4901a"),
        (Sha256, auth, "0d13ae7ea898f6d6c2c5e500179ff66cd4eacc7caee5939a26d2dfeb010365c5"),
        (Sha256, int, "ca77c4702f465b3bd59d65742f1cf7c14d6795615cb93b07273d197d28142b90"),
        (Sha256Sess, None, "f994a38f0021f3e867b325aa27325cd64c57f5eadf56c4e063e00a34f7faa11a"),
        (Sha256Sess, auth, "b9de4d16f2b06bfa871efab75d5ebb0cbb1f69f578e33dc279dd7b3d2e84b02d"),
        (Sha256Sess, int, "aaf6239e400057cdfe4ee5cf85774f4244a71f89f7c2c5a977f7b28321192ccc"),
        (Sha512Trunc256, auth, "c048a2e4ed765b9bc80d0bb570c836070e9006430af89798e19b93ccf249a53d"),
        (Sha512Trunc256Sess, int, "24b78d0143cd66f607e06f93031022ba2913d755afab5d1a86bcdf90c89e56e6"),
    ];
    let who = ("ann", "pbx.example", "n0nce", "c0ffee", "sip:pbx.example");
    for (algorithm, qop, wanted) in table {
        let credentials = Credentials { nc: Some(10), ..credentials(algorithm, qop, who) };
        assert_eq!(response(&credentials, "secret \"1\"", &Method::Register, b"v=0\r\n\xff"), wanted, "{algorithm:?} {qop:?}");
    }
}

fn account() -> Account {
    Account { username: "ann".into(), password: "secret".into() }
}

fn challenged(status: u16, header: &str, values: &[&str]) -> Response {
    let mut response = register().reply(status, "No");
    values.iter().for_each(|value| response.headers.push(header, value));
    response
}

fn register() -> Request {
    let mut request = Request::new(Method::Register, "sip:pbx.example;transport=tcp");
    for (name, value) in [
        ("Via", "SIP/2.0/UDP h;branch=z9hG4bKx"),
        ("From", "<sip:a@h>;tag=1"),
        ("To", "<sip:a@h>"),
        ("Call-ID", "c"),
        ("CSeq", "1 REGISTER"),
    ] {
        request.headers.push(name, value);
    }
    request
}

fn sign(session: &mut ClientSession, cnonce: &str) -> Credentials {
    session.sign(&account(), Signed { method: &Method::Register, uri: "sip:pbx.example", body: b"" }, cnonce)
}

#[test]
fn of_several_challenges_the_strongest_known_is_answered() {
    let md5 = "Digest realm=\"r\", nonce=\"m\", algorithm=MD5, qop=\"auth\"";
    let sha = "Digest realm=\"r\",nonce=\"s\",algorithm=SHA-256,qop=\"auth,auth-int\"";
    let new = "Digest realm=\"r\", nonce=\"n\", algorithm=SHA3-999, qop=\"auth\"";
    let session = ClientSession::from_response(&challenged(401, "WWW-Authenticate", &["Bearer x=y", new, md5, sha]), None);
    let credentials = sign(&mut session.unwrap(), "c");
    assert_eq!(
        (credentials.nonce.as_str(), credentials.algorithm, credentials.qop, credentials.nc),
        ("s", Sha256, Some(Qop::Auth), Some(1))
    );
    let unknown = ClientSession::from_response(&challenged(407, "Proxy-Authenticate", &["Bearer x=y", new]), None);
    assert_eq!(unknown, Err(ClientError::NothingKnown));
    assert_eq!(ClientSession::from_response(&challenged(403, "WWW-Authenticate", &[md5]), None), Err(ClientError::NotAChallenge));
    assert_eq!(ClientSession::from_response(&challenged(407, "WWW-Authenticate", &[md5]), None), Err(ClientError::NothingKnown));
}

#[test]
fn auth_int_is_used_only_where_nothing_else_is_offered() {
    let only = "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"";
    let mut session = ClientSession::from_response(&challenged(401, "WWW-Authenticate", &[only]), None).unwrap();
    assert_eq!(sign(&mut session, "c").qop, Some(Qop::AuthInt));
    let plain = "Digest realm=\"r\", nonce=\"n\"";
    let mut session = ClientSession::from_response(&challenged(401, "WWW-Authenticate", &[plain]), None).unwrap();
    let credentials = sign(&mut session, "c");
    assert_eq!((credentials.qop, credentials.nc, credentials.cnonce), (None, None, None));
}

#[test]
fn the_count_is_eight_hexadecimal_digits_and_rises() {
    let challenge = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
    let mut session = ClientSession::from_response(&challenged(401, "WWW-Authenticate", &[challenge]), None).unwrap();
    let tenth = (0..10).map(|_| sign(&mut session, "c")).last().unwrap();
    assert!(tenth.to_string().contains("qop=auth, nc=0000000a, cnonce=\"c\""), "{tenth}");
    assert_eq!(Credentials::read(&tenth.to_string()), Ok(tenth));
    let others = "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"x\", response=\"0\", qop=auth, cnonce=\"c\", nc=";
    assert_eq!(Credentials::read(&format!("{others}00000200")).unwrap().nc, Some(0x200));
    assert!(Credentials::read(&format!("{others}200")).is_err());
}

#[test]
fn a_session_key_stays_bound_to_its_first_cnonce() {
    let challenge = "Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess, qop=\"auth\"";
    let mut session = ClientSession::from_response(&challenged(401, "WWW-Authenticate", &[challenge]), None).unwrap();
    assert_eq!([sign(&mut session, "one").cnonce, sign(&mut session, "two").cnonce], [Some("one".into()), Some("one".into())]);
}

#[test]
fn a_wrong_password_is_refused_once_and_a_stale_nonce_is_renewed_a_few_times() {
    let fresh = "Digest realm=\"r\", nonce=\"n2\", qop=\"auth\"";
    let stale = "Digest realm=\"r\", nonce=\"n3\", qop=\"auth\", stale=TRUE";
    let response = |challenge| challenged(401, "WWW-Authenticate", &[challenge]);
    let mut session = ClientSession::from_response(&response(fresh), None).unwrap();
    sign(&mut session, "c");
    assert_eq!(ClientSession::from_response(&response(fresh), Some(&session)), Err(ClientError::Refused));
    let elsewhere = "Digest realm=\"other\", nonce=\"n2\", qop=\"auth\"";
    assert!(ClientSession::from_response(&response(elsewhere), Some(&session)).is_ok());
    sign(&mut session, "c");
    assert!(ClientSession::from_response(&response(fresh), Some(&session)).is_ok(), "the nonce had served before: it expired");
    let mut renewals = 0;
    while let Ok(mut next) = ClientSession::from_response(&response(stale), Some(&session)) {
        sign(&mut next, "c");
        session = next;
        renewals += 1;
        assert!(renewals < 10, "a server that always says stale loops for ever");
    }
    assert_eq!(renewals, 1 + ClientSession::REPEATS);
}

fn server(algorithms: &[DigestAlgorithm]) -> DigestServer {
    DigestServer::new(DigestServerConfig {
        realm: "worker".into(),
        side: Side::Server,
        algorithms: algorithms.to_vec(),
        key: Redacted::new(b"0123456789abcdef".to_vec()),
        nonce_life: Duration::from_secs(60),
    })
}

fn at(seconds: u64) -> WorkerTime {
    WorkerTime::from_millis(seconds * 1000)
}

fn verify(server: &mut DigestServer, seconds: u64, request: &Request) -> Result<String, Denied> {
    let password = Redacted::<String>::from("secret");
    server.verify(at(seconds), request, |user| (user == "ann").then_some(&password))
}

/// A session answering a challenge of `server`, and the request it signed.
fn answered(server: &mut DigestServer, seconds: u64) -> (ClientSession, Request) {
    let mut request = register();
    let challenge = server.challenge(at(seconds), &request, Denied::Missing);
    let mut session = ClientSession::from_response(&challenge, None).unwrap();
    session.sign_request(&account(), &mut request, "0123456789abcdef");
    (session, request)
}

#[test]
fn our_client_and_our_server_agree_on_every_algorithm() {
    for algorithm in DigestAlgorithm::ALL {
        let mut server = server(&[algorithm]);
        let (mut session, mut request) = answered(&mut server, 5);
        assert_eq!(verify(&mut server, 6, &request), Ok("ann".into()), "{algorithm:?}");
        session.sign_request(&account(), &mut request, "fedcba9876543210");
        assert_eq!(request.headers.all("Authorization").count(), 1);
        assert_eq!(verify(&mut server, 7, &request), Ok("ann".into()), "{algorithm:?}, second request");
    }
}

#[test]
fn the_server_lets_nothing_wrong_in() {
    let mut server = server(&[Sha256, Md5]);
    assert_eq!(verify(&mut server, 0, &register()), Err(Denied::Missing));
    let (_, good) = answered(&mut server, 0);
    let with = |from: &str, to: &str| {
        let mut bad = good.clone();
        let changed = good.headers.get("Authorization").unwrap().replace(from, to);
        assert_ne!(Some(changed.as_str()), good.headers.get("Authorization"));
        bad.headers.set("Authorization", changed);
        bad
    };
    assert_eq!(verify(&mut server, 0, &with("username=\"ann\"", "username=\"eve\"")), Err(Denied::Wrong));
    assert_eq!(verify(&mut server, 0, &with("response=\"", "response=\"0")), Err(Denied::Wrong));
    assert_eq!(verify(&mut server, 0, &with("realm=\"worker\"", "realm=\"other\"")), Err(Denied::Missing));
    assert_eq!(verify(&mut server, 0, &with("algorithm=SHA-256", "algorithm=SHA-256-sess")), Err(Denied::Malformed), "not offered");
    assert_eq!(verify(&mut server, 0, &with("qop=auth, ", "")), Err(Denied::Malformed), "no downgrade to a digest without qop");
    let mut elsewhere = good.clone();
    elsewhere.target = "sip:other@pbx.example".into();
    assert_eq!(verify(&mut server, 0, &elsewhere), Err(Denied::Wrong));
    let mut rewritten = good.clone();
    rewritten.target = "sip:PBX.example:5060".into();
    assert_eq!(verify(&mut server, 0, &rewritten), Ok("ann".into()), "a proxy may rewrite parameters");
}

#[test]
fn nonces_grow_old_and_counts_are_used_once() {
    let mut server = server(&[Sha256]);
    let (_, request) = answered(&mut server, 0);
    assert_eq!(verify(&mut server, 60, &request), Ok("ann".into()));
    assert_eq!(verify(&mut server, 60, &request), Err(Denied::Replayed));
    let (_, late) = answered(&mut server, 0);
    assert_eq!(verify(&mut server, 61, &late), Err(Denied::Stale));
    let renewed = server.challenge(at(61), &late, Denied::Stale);
    assert!(Challenge::read(renewed.headers.get("WWW-Authenticate").unwrap()).unwrap().stale);
    let (_, first) = answered(&mut server, 70);
    let (_, second) = answered(&mut server, 70);
    assert_eq!(
        [verify(&mut server, 70, &first), verify(&mut server, 70, &second)],
        [Ok("ann".into()), Ok("ann".into())],
        "two clients of one moment"
    );
}

#[test]
fn a_nonce_of_a_stranger_s_making_is_stale_and_harmless() {
    let mut server = server(&[Md5]);
    for nonce in ["", "short", "00000000000000000001", "äöüäöüäöüäöüäöüäöüäöü", "000000000000000ä000rest", &"f".repeat(52)]
    {
        let challenge =
            Challenge { realm: "worker".into(), nonce: nonce.into(), opaque: None, stale: false, algorithm: Md5, qop: vec![Qop::Auth] };
        let mut request = register();
        let mut session = ClientSession::from_response(&challenged(401, "WWW-Authenticate", &[&challenge.to_string()]), None).unwrap();
        session.sign_request(&account(), &mut request, "c");
        assert_eq!(verify(&mut server, 1, &request), Err(Denied::Stale), "{nonce}");
    }
}

#[test]
fn remembered_counts_are_bounded_and_forgetting_opens_no_replay() {
    let mut server = server(&[Md5]);
    let requests: Vec<Request> = (0..DigestServer::COUNTS + 10).map(|_| answered(&mut server, 1).1).collect();
    for request in &requests {
        assert_eq!(verify(&mut server, 1, request), Ok("ann".into()));
    }
    assert_eq!(server.counts.len(), DigestServer::COUNTS);
    assert_eq!(verify(&mut server, 1, &requests[0]), Err(Denied::Stale));
    assert_eq!(verify(&mut server, 1, requests.last().unwrap()), Err(Denied::Replayed));
}

#[test]
fn neither_password_nor_digest_is_shown() {
    let (session, request) = answered(&mut server(&[Md5]), 0);
    let credentials = Credentials::read(request.headers.get("Authorization").unwrap()).unwrap();
    let shown = format!("{:?} {:?} {credentials:?}", account(), session);
    assert!(!shown.contains("secret") && !shown.contains(&credentials.response), "{shown}");
}
