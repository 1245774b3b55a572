//! HTTP as everything in here uses it: no proxy, no redirect, no cookie, bounded bodies, and rustls with ring.

use super::error::{Failure, ShellError, TooLong};
use reqwest::{Client, ClientBuilder, Response, Url, redirect};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Longest body of an answer, streamed or whole.
pub(super) const BODY_BYTES_MAX: usize = 1 << 20;
/// A server that asks for more patience than this is passed over.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// After the last event of a stream.
const DRAIN_MAX: Duration = Duration::from_millis(250);
/// Connections kept open to one host.
const IDLE_CONNECTIONS_MAX: usize = 32;

/// Makes ring the process's provider of cryptography, if it has none yet. The program does so first thing; libraries and tests through
/// whatever makes a client.
pub fn install_tls() {
    // An error says that one is installed already, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client that goes to the named place and nowhere else. `secure`: with the machine's root certificates; without them a client for
/// `http` URLs can be made on a machine that has none.
pub fn client(secure: bool) -> Result<ClientBuilder, ShellError> {
    install_tls();
    let builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(concat!("voice-worker/", env!("CARGO_PKG_VERSION")))
        .tcp_nodelay(true)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    Ok(if secure { builder } else { builder.tls_certs_only([]) })
}

/// Where an OpenAI-compatible API begins: `https://api.example.net/v1`. Without user, password, query and fragment, so that it can be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    pub fn is_secure(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// `path` below it, whether or not it was written with a slash at its end.
    pub(super) fn join(&self, path: &str) -> String {
        format!("{}/{path}", self.0.as_str().trim_end_matches('/'))
    }

    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl FromStr for BaseUrl {
    type Err = ShellError;

    fn from_str(text: &str) -> Result<Self, ShellError> {
        // Nothing of a URL with credentials is shown, not even in its own error.
        let wrong = |url: &str, why| ShellError::Url { url: url.to_owned(), why };
        let url = Url::parse(text).map_err(|_| wrong(text.split('@').next_back().unwrap_or_default(), "write https://host/v1"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("…", "a key does not belong into a URL; use key_file"));
        }
        match url.scheme() {
            "http" | "https" if url.has_host() => {}
            _ => return Err(wrong(text, "only http and https URLs with a host can be used")),
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong(text, "it may have no query and no fragment"));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The next piece of a body. Counts against [`BODY_BYTES_MAX`] in `seen`.
pub(super) async fn piece(response: &mut Response, seen: &mut usize) -> Result<Option<Vec<u8>>, Failure> {
    let piece = response.chunk().await.map_err(|_| Failure::Cut)?;
    let Some(piece) = piece else { return Ok(None) };
    *seen = seen.saturating_add(piece.len());
    if *seen > BODY_BYTES_MAX {
        return Err(TooLong::Body.into());
    }
    Ok(Some(piece.to_vec()))
}

/// A whole body, bounded.
pub(super) async fn body(response: &mut Response) -> Result<Vec<u8>, Failure> {
    let (mut whole, mut seen) = (Vec::new(), 0);
    while let Some(piece) = piece(response, &mut seen).await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

/// Reads what may still come after the last event, for a moment, so that the connection can be used again.
pub(super) async fn drain(mut response: Response) {
    let mut seen = 0;
    let rest = async { while let Ok(Some(_)) = piece(&mut response, &mut seen).await {} };
    let _ = tokio::time::timeout(DRAIN_MAX, rest).await;
}

/// The answer's status as a failure, if it is none of 2xx. Its body is not read: it may repeat what was asked.
pub(super) fn refused(response: &Response) -> Option<Failure> {
    let status = response.status();
    (!status.is_success()).then(|| Failure::Status { status: status.as_u16(), retry_after: retry_after(response) })
}

/// In whole seconds (RFC 9110, 10.2.3); a date is not read, the usual back-off serves then.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get("retry-after")?.to_str().ok()?;
    text.trim().parse().ok().map(|seconds: u64| Duration::from_secs(seconds.min(RETRY_AFTER_MAX.as_secs() + 1)))
}

pub(super) fn content_type_is(response: &Response, wanted: &str) -> bool {
    let value = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

/// A request that got no answer at all.
pub(super) fn unsent(error: &reqwest::Error, connect: Duration) -> Failure {
    match error {
        error if error.is_timeout() && error.is_connect() => Failure::ConnectTimeout(connect),
        error if error.is_connect() => Failure::NoConnection,
        error if error.is_builder() => Failure::NotSent("the request could not be made of these settings".to_owned()),
        _ => Failure::Cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_plain_and_its_errors_show_no_key() {
        let url: BaseUrl = "https://api.example.net/v1/".parse().unwrap();
        assert_eq!(url.join("chat/completions"), "https://api.example.net/v1/chat/completions");
        assert_eq!(format!("{url} {url:?}"), "https://api.example.net/v1 https://api.example.net/v1");
        for wrong in ["ftp://h/v1", "api.example.net", "https://h/v1?key=1", "file:///etc/passwd", "data:,x"] {
            assert!(wrong.parse::<BaseUrl>().is_err(), "{wrong}");
        }
        let error = "https://user:sesame@h/v1".parse::<BaseUrl>().unwrap_err().to_string();
        assert!(!error.contains("sesame") && error.contains("key_file"), "{error}");
        let error = "https//user:sesame@h".parse::<BaseUrl>().unwrap_err().to_string();
        assert!(!error.contains("sesame"), "{error}");
    }
}
