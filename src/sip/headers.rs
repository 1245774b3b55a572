//! The header list: rsip's vocabulary, kept canonical.
//!
//! Names are the registered spelling, never the compact form; values are one line, trimmed, free of control characters. `Content-Length` is not a
//! header here: the wire checks it when reading and computes it when printing.

use rsip::headers::UntypedHeader;

/// Headers in wire order. Names compare without case (RFC 3261 section 7.3.1).
///
/// `Debug` shows names only: values hold numbers and digests.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(rsip::Headers);

impl Headers {
    pub fn new() -> Self {
        Self::default()
    }

    /// First value of `name`.
    pub fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|header| name_of(header).eq_ignore_ascii_case(name)).map(value_of)
    }

    /// All values of `name`, in wire order. Comma lists were split when the message was read (see [`is_list`]).
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |header| name_of(header).eq_ignore_ascii_case(name)).map(value_of)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Appends. The name becomes canonical, the value is cleaned ([`clean`]). A name that is no token and `Content-Length` are not taken.
    pub fn push(&mut self, name: &str, value: impl AsRef<str>) {
        if let Some(header) = header(name, value.as_ref()) {
            self.0.push(header);
        }
    }

    /// Appends one of rsip's own headers, under the same rules as [`push`](Self::push).
    pub fn push_header(&mut self, header: &rsip::Header) {
        self.push(name_of(header), value_of(header));
    }

    /// Puts a value before all others: a Via, a Route.
    pub fn push_first(&mut self, name: &str, value: impl AsRef<str>) {
        if let Some(first) = header(name, value.as_ref()) {
            let mut list = vec![first];
            list.extend(std::mem::take(&mut self.0));
            self.0 = list.into();
        }
    }

    /// Replaces every value of `name` with this one, where the first stood; appends if there was none.
    pub fn set(&mut self, name: &str, value: impl AsRef<str>) {
        let Some(new) = header(name, value.as_ref()) else { return };
        let at = self.0.iter().position(|old| name_of(old).eq_ignore_ascii_case(name_of(&new)));
        self.remove(name_of(&new));
        let mut list = Vec::from(std::mem::take(&mut self.0));
        list.insert(at.unwrap_or(list.len()).min(list.len()), new);
        self.0 = list.into();
    }

    /// Removes every value of `name`.
    pub fn remove(&mut self, name: &str) {
        let canonical = canonical_name(name);
        self.0.retain(|header| !name_of(header).eq_ignore_ascii_case(canonical));
    }

    /// Removes the first value of `name` and returns it: the top Via of a forwarded response, a consumed Route.
    pub fn take_first(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|header| name_of(header).eq_ignore_ascii_case(name))?;
        let mut list = Vec::from(std::mem::take(&mut self.0));
        let taken = list.remove(at);
        self.0 = list.into();
        Some(value_of(&taken).to_owned())
    }

    /// (name, value) in wire order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|header| (name_of(header), value_of(header)))
    }

    pub fn len(&self) -> usize {
        self.0.iter().count()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if a token list (`Supported`, `Require`, `Allow`, …) holds `token`, compared without case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(token))
    }

    /// rsip's own list, for code that wants its vocabulary.
    pub fn as_rsip(&self) -> &rsip::Headers {
        &self.0
    }
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Headers {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(pairs: T) -> Self {
        let mut headers = Self::new();
        for (name, value) in pairs {
            headers.push(name, value);
        }
        headers
    }
}

/// A header value as it may stand on a line: control characters (CR, LF and NUL first of all) become blanks, ends are trimmed. This is what makes
/// injecting a header through a value impossible.
pub fn clean(value: &str) -> String {
    if value.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return value.trim_matches(' ').to_owned();
    }
    let one_line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    one_line.trim_matches(' ').to_owned()
}

/// The registered spelling of a name, from any case or its compact form (RFC 3261 section 7.3.3 and the IANA registry); unknown names stay as they are.
pub fn canonical_name(name: &str) -> &str {
    let long = if name.len() == 1 {
        COMPACT.iter().find(|(short, _)| short.eq_ignore_ascii_case(name)).map_or(name, |(_, long)| *long)
    } else {
        name
    };
    KNOWN.iter().find(|known| known.eq_ignore_ascii_case(long)).copied().unwrap_or(long)
}

/// Headers whose value is a comma list; each element becomes a header of its own when a message is read.
pub fn is_list(canonical: &str) -> bool {
    LISTS.contains(&canonical)
}

/// Headers of which a message may hold one (RFC 3261 section 7.3.1 and the RFC of each): the static spelling, if `canonical` is one.
pub fn single(canonical: &str) -> Option<&'static str> {
    SINGLES.iter().find(|single| **single == canonical).copied()
}

/// RFC 3261 section 25.1 `token`.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b))
}

const COMPACT: &[(&str, &str)] = &[
    ("a", "Accept-Contact"),
    ("b", "Referred-By"),
    ("c", "Content-Type"),
    ("d", "Request-Disposition"),
    ("e", "Content-Encoding"),
    ("f", "From"),
    ("i", "Call-ID"),
    ("j", "Reject-Contact"),
    ("k", "Supported"),
    ("l", "Content-Length"),
    ("m", "Contact"),
    ("n", "Identity-Info"),
    ("o", "Event"),
    ("r", "Refer-To"),
    ("s", "Subject"),
    ("t", "To"),
    ("u", "Allow-Events"),
    ("v", "Via"),
    ("x", "Session-Expires"),
    ("y", "Identity"),
];

const LISTS: &[&str] = &[
    "Accept",
    "Accept-Contact",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Call-Info",
    "Contact",
    "Content-Encoding",
    "Content-Language",
    "Diversion",
    "Error-Info",
    "History-Info",
    "In-Reply-To",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Path",
    "Proxy-Require",
    "Reason",
    "Record-Route",
    "Reject-Contact",
    "Remote-Party-ID",
    "Require",
    "Route",
    "Service-Route",
    "Supported",
    "Unsupported",
    "Via",
    "Warning",
];

const SINGLES: &[&str] = &[
    "Call-ID",
    "CSeq",
    "Content-Disposition",
    "Content-Length",
    "Content-Type",
    "Event",
    "Expires",
    "From",
    "Max-Forwards",
    "Min-Expires",
    "Min-SE",
    "RAck",
    "RSeq",
    "Refer-To",
    "Referred-By",
    "Replaces",
    "Retry-After",
    "Session-Expires",
    "Subscription-State",
    "To",
];

/// One table for the three directions between a name, a value and rsip's closed list.
macro_rules! vocabulary {
    ($($variant:ident = $name:literal),+ $(,)? ; $($other:literal),+ $(,)?) => {
        const KNOWN: &[&str] = &[$($name),+, $($other),+];

        fn header(name: &str, value: &str) -> Option<rsip::Header> {
            let value = clean(value);
            let name = canonical_name(name.trim());
            if name == "Content-Length" {
                return None;
            }
            match name {
                $($name => Some(rsip::Header::$variant(rsip::headers::$variant::new(value))),)+
                other if is_token(other) => Some(rsip::Header::Other(other.to_owned(), value)),
                _ => None,
            }
        }

        fn name_of(header: &rsip::Header) -> &str {
            match header {
                $(rsip::Header::$variant(_) => $name,)+
                rsip::Header::Other(name, _) => name,
            }
        }

        fn value_of(header: &rsip::Header) -> &str {
            match header {
                $(rsip::Header::$variant(inner) => inner.value(),)+
                rsip::Header::Other(_, value) => value,
            }
        }
    };
}

vocabulary! {
    Accept = "Accept",
    AcceptEncoding = "Accept-Encoding",
    AcceptLanguage = "Accept-Language",
    AlertInfo = "Alert-Info",
    Allow = "Allow",
    AuthenticationInfo = "Authentication-Info",
    Authorization = "Authorization",
    CSeq = "CSeq",
    CallId = "Call-ID",
    CallInfo = "Call-Info",
    Contact = "Contact",
    ContentDisposition = "Content-Disposition",
    ContentEncoding = "Content-Encoding",
    ContentLanguage = "Content-Language",
    ContentLength = "Content-Length",
    ContentType = "Content-Type",
    Date = "Date",
    ErrorInfo = "Error-Info",
    Event = "Event",
    Expires = "Expires",
    From = "From",
    InReplyTo = "In-Reply-To",
    MaxForwards = "Max-Forwards",
    MimeVersion = "MIME-Version",
    MinExpires = "Min-Expires",
    Organization = "Organization",
    Priority = "Priority",
    ProxyAuthenticate = "Proxy-Authenticate",
    ProxyAuthorization = "Proxy-Authorization",
    ProxyRequire = "Proxy-Require",
    RecordRoute = "Record-Route",
    ReplyTo = "Reply-To",
    Require = "Require",
    RetryAfter = "Retry-After",
    Route = "Route",
    Server = "Server",
    Subject = "Subject",
    SubscriptionState = "Subscription-State",
    Supported = "Supported",
    Timestamp = "Timestamp",
    To = "To",
    Unsupported = "Unsupported",
    UserAgent = "User-Agent",
    Via = "Via",
    Warning = "Warning",
    WwwAuthenticate = "WWW-Authenticate",
    ;
    "Accept-Contact",
    "Allow-Events",
    "Diversion",
    "History-Info",
    "Identity",
    "Identity-Info",
    "Min-SE",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Path",
    "Privacy",
    "RAck",
    "RSeq",
    "Reason",
    "Refer-Sub",
    "Refer-To",
    "Referred-By",
    "Reject-Contact",
    "Remote-Party-ID",
    "Replaces",
    "Request-Disposition",
    "Service-Route",
    "Session-Expires",
    "Session-ID",
}

#[cfg(test)]
mod tests;
