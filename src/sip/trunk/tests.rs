//! Tests of trunk.

use super::*;
use proptest::prelude::*;

fn trunk(name: &str, sources: &[&str], allow: &[&str]) -> Trunk {
    Trunk {
        name: name.to_owned(),
        sources: sources.iter().map(|network| network.parse().unwrap()).collect(),
        outbound: Some(Hop::parse("trunk.example:5070", Transport::Udp).unwrap()),
        credentials: None,
        template: DestinationTemplate::default(),
        allow: AllowList::parse(allow).unwrap(),
        refer: ReferProfile::default(),
        caller_id: None,
    }
}

fn uri(trunk: &Trunk, destination: &str) -> Result<String, TrunkError> {
    trunk.target(destination).map(|target| target.uri.into_exposed())
}

#[test]
fn nothing_is_dialable_unless_it_is_configured() {
    let closed = trunk("closed", &[], &[]);
    for destination in ["+493012345", "tel:+493012345", "sip:desk@pbx.example", "sip:+493012345@trunk.example"] {
        assert!(matches!(uri(&closed, destination), Err(TrunkError::NotAllowed { .. })), "{destination}");
    }
}

#[test]
fn an_allow_list_admits_what_it_names_and_no_more() {
    let table: [(&str, &[&str], &[&str]); 6] = [
        (
            "+4930",
            &["+493012345", "+49 (30) 123-45", "tel:+49-30-12345"],
            &["+494012345", "tel:030123;phone-context=+49", "sip:+493012345@x.example"],
        ),
        ("+", &["+493012345", "tel:+18005550100"], &["sip:a@b.example", "tel:112"]),
        (
            "sip:*@pbx.example",
            &["sip:desk@pbx.example", "SIP:desk@PBX.Example.", "sip:desk@pbx.example:5070;transport=tcp", "sip:pbx.example"],
            &["sip:desk@pbx.example.evil.example", "sip:desk@a.pbx.example", "sip:pbx.example@evil.example", "+493012345"],
        ),
        ("@192.0.2.4", &["sip:9@192.0.2.4"], &["sip:9@192.0.2.40", "sip:192.0.2.4@198.51.100.1"]),
        (
            "sip:desk@pbx.example",
            &["sip:desk@PBX.example"],
            &["sip:Desk@pbx.example", "sip:desk2@pbx.example", "sip:desk@pbx.example:5070"],
        ),
        ("*", &["+1234567", "sip:a@b.example", "tel:112"], &[]),
    ];
    for (entry, permitted, refused) in table {
        let trunk = trunk("t", &[], &[entry]);
        for destination in permitted {
            assert!(trunk.target(destination).is_ok(), "{entry} should admit {destination}: {:?}", trunk.target(destination));
        }
        for destination in refused {
            assert!(matches!(trunk.target(destination), Err(TrunkError::NotAllowed { .. })), "{entry} should refuse {destination}");
        }
    }
}

#[test]
fn a_destination_that_can_be_read_in_two_ways_is_not_dialled() {
    let open = trunk("open", &[], &["*"]);
    for destination in [
        "",
        "12345",
        "0049301234",
        "+12",
        "+0123456",
        "+1234567890123456",
        "+49301;ext=1",
        "sip:evil@evil.example@pbx.example",
        "sip:a@pbx.example?Replaces=x",
        "sip:a@pbx.example;maddr=evil.example",
        "sip:a@pbx.example;MADDR=evil.example",
        "sip:a@pbx.example;%6daddr=evil.example",
        "sip:user:secret@pbx.example",
        "sip:a@pbx.example\r\nRoute: <sip:evil.example>",
        "sip:a@<pbx.example>",
        "sip:a>b@pbx.example",
        "sip:a@pbx.example;x=<y>",
        "sip:@pbx.example",
        "sip:a@",
        "sip:a@pbx.example:0",
        "sip:a@pbx.example:99999",
        "sip:a@127.1",
        "sip:a@pbx_.example.1x",
        "sip:a@[::1",
        "sip:a@pbx.example;transport=sctp",
        "http://pbx.example/",
        "tel:+49 30",
        "tel:",
    ] {
        assert!(matches!(open.target(destination), Err(TrunkError::Destination { .. })), "{destination:?}: {:?}", open.target(destination));
    }
}

#[test]
fn a_number_goes_through_the_template_and_uris_stay_as_they_are() {
    let mut trunk = trunk("t", &[], &["*"]);
    assert_eq!(uri(&trunk, "+49 30 12345").unwrap(), "sip:+493012345@trunk.example:5070;user=phone");
    trunk.template = "sip:{digits}@gw.example;user=phone".parse().unwrap();
    assert_eq!(uri(&trunk, "+493012345").unwrap(), "sip:493012345@gw.example;user=phone");
    trunk.template = "sip:00{digits}@{address}".parse().unwrap();
    assert_eq!(uri(&trunk, "+493012345").unwrap(), "sip:00493012345@trunk.example:5070");
    assert_eq!(uri(&trunk, "tel:+49-30-12345").unwrap(), "tel:+493012345");
    assert_eq!(uri(&trunk, "sip:desk@pbx.example;user=phone").unwrap(), "sip:desk@pbx.example;user=phone");
    assert_eq!(uri(&trunk, "sip:9@[2001:DB8::1]:5080").unwrap(), "sip:9@[2001:db8::1]:5080");
}

#[test]
fn a_request_goes_to_the_trunk_or_to_the_host_of_the_uri() {
    let mut trunk = trunk("t", &[], &["*"]);
    let hop = |host: &str, port, transport| Some(Hop { host: host.to_owned(), port, transport });
    assert_eq!(trunk.target("sip:a@b.example").unwrap().hop, hop("trunk.example", Some(5070), Transport::Udp));
    trunk.outbound = None;
    assert_eq!(trunk.target("sip:a@b.example;transport=TCP").unwrap().hop, hop("b.example", None, Transport::Tcp));
    assert_eq!(trunk.target("sips:a@b.example:5099").unwrap().hop, hop("b.example", Some(5099), Transport::Tls));
    assert_eq!(uri(&trunk, "+493012345").unwrap(), "tel:+493012345", "no address to put into the default template");
    assert_eq!(trunk.target("+493012345").unwrap().hop, None);
    trunk.template = "sip:{e164}@gw.example".parse().unwrap();
    assert_eq!(trunk.target("+493012345").unwrap().hop, hop("gw.example", None, Transport::Udp));
}

#[test]
fn a_template_that_cannot_work_is_refused_when_it_is_read() {
    for (template, word) in [
        ("sip:desk@trunk.example", "exactly one"),
        ("sip:{e164}{digits}@trunk.example", "exactly one"),
        ("sip:{e164}@{host}", "known"),
        ("{e164}", "no sip:"),
        ("sip:{e164}@trunk.example?X={address}", "no sip:"),
        ("sip:{e164}@trunk example", "no sip:"),
    ] {
        let error = template.parse::<DestinationTemplate>().unwrap_err().to_string();
        assert!(error.contains(word), "'{error}' lacks '{word}'");
    }
    assert!("tel:{e164}".parse::<DestinationTemplate>().is_ok());
}

#[test]
fn an_entry_that_would_match_more_than_it_seems_is_refused() {
    for entry in ["", "+0", "+49x", "sip:1*@pbx.example", "sip:*@pbx.example:5060", "sip:*@", "pbx.example", "sip:", "sip:a@b?c=d"] {
        assert!(matches!(AllowList::parse(&[entry]), Err(TrunkError::AllowEntry { .. })), "{entry}");
    }
}

#[test]
fn a_call_belongs_to_the_trunk_with_the_narrowest_network() {
    let trunks = Trunks::new(vec![trunk("wide", &["10.0.0.0/8"], &[]), trunk("narrow", &["10.1.0.0/16", "2001:db8::7"], &[])]).unwrap();
    for (source, expected) in [
        ("10.9.0.1", Some("wide")),
        ("10.1.2.3", Some("narrow")),
        ("::ffff:10.1.2.3", Some("narrow")),
        ("2001:db8::7", Some("narrow")),
        ("11.0.0.1", None),
    ] {
        assert_eq!(trunks.by_source(source.parse().unwrap()).map(|trunk| trunk.name.as_str()), expected, "{source}");
    }
    assert_eq!(trunks.sources().count(), 3);
    assert!(trunks.by_name("wide").is_some() && trunks.by_name("Wide").is_none());
}

#[test]
fn trunks_that_cannot_be_told_apart_are_refused() {
    let same_name = vec![trunk("a", &[], &[]), trunk("a", &[], &[])];
    assert!(matches!(Trunks::new(same_name), Err(TrunkError::NameTwice { .. })));
    let same_source = vec![trunk("a", &["10.0.0.0/8"], &[]), trunk("b", &["10.0.0.0/8"], &[])];
    assert!(matches!(Trunks::new(same_source), Err(TrunkError::SourceTwice { .. })));
    assert!(matches!(Trunks::new(vec![trunk("", &[], &[])]), Err(TrunkError::Name { .. })));
}

#[test]
fn neither_numbers_nor_passwords_are_shown() {
    let mut trunk = trunk("t", &[], &["+4930"]);
    trunk.credentials = Some(TrunkCredentials { username: "user".to_owned(), password: "geheim".into() });
    let target = trunk.target("+493012345").unwrap();
    let refused = trunk.target("+494099999").unwrap_err();
    let shown = format!("{trunk:?} {target:?} {refused:?} {refused} {:?}", "+493012345".parse::<DialString>().unwrap());
    assert!(!shown.contains("geheim") && !shown.contains("12345") && !shown.contains("99999"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_text_reaches_another_host_than_the_allowed_one(user in "[ -~]{0,20}", tail in "[ -~]{0,30}", host in "(pbx.example|evil.example)") {
        let mut trunk = trunk("t", &[], &["sip:*@pbx.example"]);
        trunk.outbound = None;
        for text in [format!("sip:{user}@{host}{tail}"), format!("sip:{user}{host}{tail}"), format!("{user}{tail}")] {
            if let Ok(target) = trunk.target(&text) {
                prop_assert_eq!(target.hop.unwrap().host, "pbx.example");
                prop_assert!(!target.uri.expose().contains(['\r', '\n', ' ', '<', '>', '?']));
            }
        }
    }
}
