//! One SIP message: what the wire reads and prints and everyone else speaks.

use super::headers::{Headers, is_token};
use super::readers::{CSeq, MaxForwards, MediaType, NameAddr, Params, ReadError, Tokens, Via, part};
use super::uri::{Uri, UriError};
use std::fmt;

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Request(Request),
    Response(Response),
}

/// RFC 3261 section 7.1. `Debug` shows neither the target nor the body: they hold numbers, keys and speech.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// The Request-URI as it was written; never rebuilt.
    pub target: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// RFC 3261 section 7.2. `Debug` does not show the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// 100–699.
    pub status: u16,
    pub reason: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// A method; case-sensitive (RFC 3261 section 7.1), unknown ones kept for the 405 or 501.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Invite,
    Ack,
    Bye,
    Cancel,
    Options,
    Register,
    Refer,
    Notify,
    Subscribe,
    Info,
    Update,
    Prack,
    Message,
    Publish,
    Other(String),
}

impl Method {
    pub const KNOWN: [Self; 14] = [
        Self::Invite,
        Self::Ack,
        Self::Bye,
        Self::Cancel,
        Self::Options,
        Self::Register,
        Self::Refer,
        Self::Notify,
        Self::Subscribe,
        Self::Info,
        Self::Update,
        Self::Prack,
        Self::Message,
        Self::Publish,
    ];

    /// `None` if `text` is no token. `invite` is not INVITE.
    pub fn read(text: &str) -> Option<Self> {
        if !is_token(text) {
            return None;
        }
        let known = Self::KNOWN.into_iter().find(|known| known.as_str() == text);
        Some(known.unwrap_or_else(|| Self::Other(text.to_owned())))
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Register => "REGISTER",
            Self::Refer => "REFER",
            Self::Notify => "NOTIFY",
            Self::Subscribe => "SUBSCRIBE",
            Self::Info => "INFO",
            Self::Update => "UPDATE",
            Self::Prack => "PRACK",
            Self::Message => "MESSAGE",
            Self::Publish => "PUBLISH",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Message {
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    pub fn headers_mut(&mut self) -> &mut Headers {
        match self {
            Self::Request(request) => &mut request.headers,
            Self::Response(response) => &mut response.headers,
        }
    }

    pub fn body(&self) -> &[u8] {
        match self {
            Self::Request(request) => &request.body,
            Self::Response(response) => &response.body,
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, headers, body, .. } = self;
        f.debug_struct("Request").field("method", method).field("headers", headers).field("body_bytes", &body.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, headers, body, .. } = self;
        f.debug_struct("Response")
            .field("status", status)
            .field("headers", headers)
            .field("body_bytes", &body.len())
            .finish_non_exhaustive()
    }
}

impl Request {
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: Headers::new(), body: Vec::new() }
    }

    /// The Request-URI, read. An unknown scheme is a `Uri::Other`: the answer is 416.
    pub fn uri(&self) -> Result<Uri, UriError> {
        Uri::read(&self.target)
    }

    /// The body of kind `essence`, e.g. `application/sdp`: the whole, or a part of a multipart body. `None` if there is none of that kind.
    pub fn part(&self, essence: &str) -> Option<&[u8]> {
        part(&self.headers.content_type()?, &self.body, essence)
    }

    /// An answer to this request: every Via, From, To, Call-ID and CSeq as they came (RFC 3261 section 8.2.6.2) and the Timestamp. A To tag and
    /// Record-Route are the dialog's business.
    pub fn reply(&self, status: u16, reason: &str) -> Response {
        let mut headers = Headers::new();
        for name in ["Via", "From", "To", "Call-ID", "CSeq", "Timestamp"] {
            self.headers.all(name).for_each(|value| headers.push(name, value));
        }
        Response { status, reason: reason.to_owned(), headers, body: Vec::new() }
    }
}

impl Response {
    pub fn is_provisional(&self) -> bool {
        self.status < 200
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn is_final(&self) -> bool {
        self.status >= 200
    }

    /// See [`Request::part`].
    pub fn part(&self, essence: &str) -> Option<&[u8]> {
        part(&self.headers.content_type()?, &self.body, essence)
    }
}

/// Typed views. The wire has checked From, To, Call-ID, CSeq, every Via, Contact, Route and Record-Route of a request, so these fail only on messages
/// built by hand and on responses' Contact and Record-Route.
impl Headers {
    pub fn top_via(&self) -> Result<Via, ReadError> {
        Via::read(self.need("Via")?)
    }

    /// Replaces the first Via, e.g. after [`Via::note_source`].
    pub fn set_top_via(&mut self, via: &Via) {
        self.take_first("Via");
        self.push_first("Via", via.to_string());
    }

    pub fn from(&self) -> Result<NameAddr, ReadError> {
        NameAddr::read(self.need("From")?)
    }

    pub fn to(&self) -> Result<NameAddr, ReadError> {
        NameAddr::read(self.need("To")?)
    }

    pub fn from_tag(&self) -> Option<String> {
        self.from().ok()?.tag()
    }

    pub fn to_tag(&self) -> Option<String> {
        self.to().ok()?.tag()
    }

    /// Adds our tag to To if it has none. The rest of the value stays as the peer wrote it.
    pub fn tag_to(&mut self, tag: &str) {
        let Ok(mut to) = self.to() else { return };
        if to.tag().is_some() {
            return;
        }
        if to.params.has("tag") {
            to.params.set("tag", Some(tag));
            self.set("To", to.to_string());
        } else if let Some(written) = self.get("To").map(|written| format!("{written};tag={tag}")) {
            self.set("To", written);
        }
    }

    pub fn call_id(&self) -> Result<&str, ReadError> {
        self.need("Call-ID")
    }

    pub fn cseq(&self) -> Result<CSeq, ReadError> {
        CSeq::read(self.need("CSeq")?)
    }

    /// The first Contact that is an address.
    pub fn contact(&self) -> Result<NameAddr, ReadError> {
        NameAddr::read(self.need("Contact")?)
    }

    /// Route or Record-Route, in wire order.
    pub fn addresses(&self, name: &str) -> Result<Vec<NameAddr>, ReadError> {
        self.all(name).map(NameAddr::read).collect()
    }

    /// `None` if absent.
    pub fn max_forwards(&self) -> Option<Result<MaxForwards, ReadError>> {
        self.get("Max-Forwards").map(MaxForwards::read)
    }

    /// `None` if absent or unreadable: a body whose kind is unknown.
    pub fn content_type(&self) -> Option<MediaType> {
        MediaType::read(self.get("Content-Type")?).ok()
    }

    /// Allow, Supported, Require, Proxy-Require, Unsupported.
    pub fn tokens(&self, name: &str) -> Tokens {
        Tokens::read(self.all(name))
    }

    /// Parameters of the first value of any header, for those without a reader.
    pub fn params_of(&self, name: &str) -> Option<Params> {
        let (_, tail) = super::readers::scan::cut(self.get(name)?, b';');
        Params::read(tail?, "parameters").ok()
    }

    fn need(&self, name: &'static str) -> Result<&str, ReadError> {
        self.get(name).ok_or(ReadError::new(name, "missing"))
    }
}
