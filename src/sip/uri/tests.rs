//! URIs as RFCs and real peers write them.

use super::*;

#[test]
fn uris_print_as_they_were_written() {
    for text in [
        "sip:a@h",
        "sips:a:b@h:5061;transport=tcp;lr?X=y&Subject=a%20b",
        "sip:%61lice%23b@[2001:db8::1]:5060",
        "sip:h",
        "sip:192.0.2.1:5060;maddr=[::1]",
        "sip:a;b=c/?,+&=@h",
        "tel:+49-30-555;ext=1;phone-context=%41",
        "urn:service:sos",
        "sip:a@h?Replaces=",
    ] {
        assert_eq!(Uri::read(text).unwrap().to_string(), text);
    }
}

#[test]
fn what_is_no_uri_is_refused() {
    for (text, why) in [
        ("", UriError::NoScheme),
        ("alice@h", UriError::NoScheme),
        ("1sip:a@h", UriError::NoScheme),
        ("sip:a b@h", UriError::Character),
        ("sip:<a@h>", UriError::Character),
        ("sip:a\r\nX@h", UriError::Character),
        ("sip:@h", UriError::User),
        ("sip:a@b@h", UriError::User),
        ("sip:%zz@h", UriError::User),
        ("sip:a%4@h", UriError::User),
        ("sip:", UriError::Host),
        ("sip:a@", UriError::Host),
        ("sip:a@h:0", UriError::Host),
        ("sip:a@h:65536", UriError::Host),
        ("sip:a@h:+1", UriError::Host),
        ("sip:a@[::1", UriError::Host),
        ("sip:a@[::g]", UriError::Host),
        ("sip:a@[::1]x", UriError::Host),
        ("sip:a@h;;x", UriError::Parameter),
        ("sip:a@h?=x", UriError::Parameter),
        ("tel:", UriError::Number),
        ("tel:--", UriError::Number),
        ("tel:4+9", UriError::Number),
    ] {
        assert_eq!(Uri::read(text), Err(why), "{text}");
    }
}

#[test]
fn the_dialled_number_is_found_in_every_form() {
    for (text, user) in [
        ("sip:+4930555;npdi;rn=+49@h;user=phone", Some("+4930555")),
        ("sip:%2B4930555@h", Some("+4930555")),
        ("tel:+49-(30).555", Some("+4930555")),
        ("sip:h", None),
        ("urn:service:sos", None),
    ] {
        assert_eq!(Uri::read(text).unwrap().user().as_deref(), user, "{text}");
    }
}

#[test]
fn escaped_headers_carry_what_was_put_in() {
    let replaces = "12@h;to-tag=a;from-tag=\"b\"&c=%";
    let uri =
        SipUri::new(Some("a b@c"), Host::read("h").unwrap(), None).with_param("transport", Some("t c;p")).with_header("Replaces", replaces);
    assert_eq!(uri.to_string(), "sip:a%20b%40c@h;transport=t%20c%3Bp?Replaces=12%40h%3Bto-tag%3Da%3Bfrom-tag%3D%22b%22%26c%3D%25");
    let read = SipUri::read(&uri.to_string()).unwrap();
    assert_eq!(
        (read.header("replaces").as_deref(), read.user_decoded().as_deref(), read.params.get("TRANSPORT").as_deref()),
        (Some(replaces), Some("a b@c"), Some("t c;p"))
    );
    assert_eq!(read.without_headers().to_string(), "sip:a%20b%40c@h;transport=t%20c%3Bp");
}

#[test]
fn addresses_are_compared_by_what_they_name() {
    let same = |a: &str, b: &str| Uri::read(a).unwrap().same_address(&Uri::read(b).unwrap());
    assert!(same("sip:%61@H.example:5060;x=y", "sip:a@h.example."));
    assert!(same("tel:+49-30", "tel:+4930"));
    assert!(
        !same("sip:a@h", "sip:A@h") && !same("sip:a@h", "sips:a@h") && !same("sip:a@h", "sip:a@h:5070") && !same("sip:4930@h", "tel:4930")
    );
}

#[test]
fn a_lone_percent_or_a_cut_character_never_panics() {
    assert_eq!(decode("%"), "%");
    assert_eq!(decode("%4"), "%4");
    assert_eq!(decode("ä%4ä%C3%A4%ff"), "ä%4ää\u{fffd}");
}
