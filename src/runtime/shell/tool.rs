//! A tool behind HTTP: one request to the place the assistant's file names, its answer bounded and checked.

use super::config::ShellConfig;
use super::error::{Failure, ShellError, TooLong};
use super::http;
use crate::model::Redacted;
use crate::runtime::{HeaderPiece, HeaderValue, HttpMethod, HttpToolCall};
use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Client, Method, Url};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// To an open connection. The whole answer has the question's own deadline.
const CONNECT: Duration = Duration::from_secs(3);

/// Sends tool requests; knows the secrets.
#[derive(Debug)]
pub(super) struct Tools {
    plain: Client,
    /// `None`: this machine has no root certificates.
    secure: Option<Client>,
    secrets: BTreeMap<String, Redacted<String>>,
}

/// Status and body of an answer.
pub(super) type Answered = (u16, Value);

impl Tools {
    pub(super) fn new(config: &ShellConfig) -> Result<Self, ShellError> {
        let fault = |error: reqwest::Error| ShellError::Client { url: "http tools".to_owned(), why: error.to_string() };
        Ok(Self {
            plain: http::client(false)?.connect_timeout(CONNECT).build().map_err(fault)?,
            secure: http::client(true)?.connect_timeout(CONNECT).build().ok(),
            secrets: config.secrets.clone(),
        })
    }

    /// One try. A status that may pass is a failure, so that it can be tried again; [`Failure::Status`] gives it back.
    pub(super) async fn send(&self, call: &HttpToolCall) -> Result<Answered, Failure> {
        let url = Url::parse(call.url.expose()).map_err(|_| Failure::NotSent("the tool's URL is no URL".to_owned()))?;
        let client = match url.scheme() {
            "http" => &self.plain,
            "https" => {
                self.secure.as_ref().ok_or_else(|| Failure::NotSent("this machine has no root certificates for https".to_owned()))?
            }
            _ => return Err(Failure::NotSent("the tool's URL is neither http nor https".to_owned())),
        };
        let mut request = client.request(method(call.method), url).headers(self.headers(&call.headers)?);
        if let Some(body) = &call.body {
            request = request.json(body.expose());
        }
        let mut response = request.send().await.map_err(|error| http::unsent(&error, CONNECT))?;
        if let Some(failure) = http::refused(&response).filter(Failure::is_passing) {
            return Err(failure);
        }
        let (status, is_json) = (response.status().as_u16(), http::content_type_is(&response, "application/json"));
        let most = usize::try_from(call.max_response_bytes).unwrap_or(usize::MAX).min(http::BODY_BYTES_MAX);
        let (mut whole, mut seen) = (Vec::new(), 0);
        while let Some(piece) = http::piece(&mut response, &mut seen).await? {
            if seen > most {
                return Err(TooLong::Body.into());
            }
            whole.extend_from_slice(&piece);
        }
        Ok((status, body(&whole, is_json)?))
    }

    fn headers(&self, wanted: &[(String, HeaderValue)]) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
        for (name, value) in wanted {
            let wrong = || Failure::NotSent(format!("header '{name}' of the tool cannot be sent"));
            let (mut text, mut secret) = (String::new(), false);
            for piece in &value.0 {
                match piece {
                    HeaderPiece::Text { text: piece } => text.extend(piece.expose().chars().filter(|letter| !letter.is_control())),
                    HeaderPiece::Secret { name } => {
                        secret = true;
                        let missing = || Failure::NotSent(format!("secret '{name}' is not configured; add [[secret]] with this name"));
                        text.push_str(self.secrets.get(name).ok_or_else(missing)?.expose());
                    }
                }
            }
            let mut value = header::HeaderValue::from_str(text.trim()).map_err(|_| wrong())?;
            value.set_sensitive(secret);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
        }
        Ok(headers)
    }
}

const fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
    }
}

/// JSON as it is, any other text as a string, nothing as null; what says that it is JSON must be.
fn body(bytes: &[u8], is_json: bool) -> Result<Value, Failure> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok(value),
        Err(_) if is_json => Err(Failure::NotUnderstood),
        Err(_) => std::str::from_utf8(bytes).map(|text| text.into()).map_err(|_| Failure::NotUnderstood),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools() -> Tools {
        let secrets = BTreeMap::from([("crm".to_owned(), Redacted::new("sesame".to_owned()))]);
        Tools::new(&ShellConfig { secrets, ..ShellConfig::default() }).unwrap()
    }

    fn header_of(pieces: Vec<HeaderPiece>) -> Result<HeaderMap, Failure> {
        tools().headers(&[("x-key".to_owned(), HeaderValue(pieces))])
    }

    #[test]
    fn a_secret_is_put_in_and_what_a_caller_said_can_neither_name_one_nor_break_the_line() {
        let said = HeaderPiece::Text { text: "${secret:crm}\r\nx-evil: 1 ".into() };
        let headers = header_of(vec![said, HeaderPiece::Secret { name: "crm".to_owned() }]).unwrap();
        let value = &headers["x-key"];
        assert_eq!((value.to_str().unwrap(), value.is_sensitive()), ("${secret:crm}x-evil: 1 sesame", true));
        assert!(!format!("{headers:?}").contains("sesame"));
        assert!(!format!("{:?}", tools()).contains("sesame"));
    }

    #[test]
    fn a_secret_that_is_not_there_is_named() {
        let error = header_of(vec![HeaderPiece::Secret { name: "other".to_owned() }]).unwrap_err();
        assert!(error.to_string().contains("secret 'other'") && !error.is_passing());
    }

    #[test]
    fn bodies_are_json_text_or_nothing() {
        assert_eq!(body(b" \n", true).unwrap(), Value::Null);
        assert_eq!(body(b"{\"a\":1}", false).unwrap()["a"], 1);
        assert_eq!(body(b"plain", false).unwrap(), "plain");
        assert_eq!(body(b"{\"a\":", true).unwrap_err(), Failure::NotUnderstood);
        assert_eq!(body(&[0xff, 0xfe], false).unwrap_err(), Failure::NotUnderstood);
    }
}
