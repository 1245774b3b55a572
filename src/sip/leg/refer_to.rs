//! Whom a REFER of ours names: the address, the dialog its INVITE replaces (RFC 3891), and further headers of that INVITE, escaped into the
//! URI (RFC 3261 section 19.1.1).

use crate::sip::endpoint::OrderError;
use crate::sip::readers::{NameAddr, Replaces};
use crate::sip::uri::Uri;

/// A dialog of ours that the referred INVITE takes over, as its peer sees it.
#[derive(Clone, Debug)]
pub(crate) struct Replaced {
    /// Contact of the peer.
    pub(crate) target: String,
    pub(crate) replaces: Replaces,
}

/// `to` is a URI or a whole name-addr; empty, it is the target of the replaced dialog.
pub(crate) fn compose(to: &str, invite_headers: Vec<(String, String)>, replaced: Option<Replaced>) -> Result<NameAddr, OrderError> {
    let invalid = |why: String| OrderError::Invalid { what: "Refer-To", why };
    let mut address = match (to.trim(), &replaced) {
        ("", Some(replaced)) => NameAddr::new(&replaced.target),
        (to, _) if to.contains('<') => NameAddr::read(to).map_err(|error| invalid(error.to_string()))?,
        (to, _) => NameAddr::new(to),
    };
    let uri = address.uri().map_err(|error| invalid(error.to_string()))?;
    let mut headers = Vec::new();
    if let Some(replaced) = replaced {
        // In this order: some exchanges look for Replaces right after the '?'. Who does not know it must refuse: a call of its own beside the
        // one that was to be taken over would ring the human a second time (RFC 5589 section 7.3).
        headers.push(("Replaces".to_owned(), replaced.replaces.to_string()));
        headers.push(("Require".to_owned(), "replaces".to_owned()));
    }
    headers.extend(invite_headers);
    if headers.is_empty() {
        return Ok(address);
    }
    let Uri::Sip(mut uri) = uri else {
        return Err(invalid("only a sip: URI can carry headers of the INVITE".to_owned()));
    };
    // What stands in somebody's URI already does not overrule what this order says.
    uri.headers.retain(|(known, _)| !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(known)));
    for (name, value) in &headers {
        uri = uri.with_header(name, value);
    }
    address.uri = uri.to_string();
    Ok(address)
}
