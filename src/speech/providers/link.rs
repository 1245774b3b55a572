//! One WebSocket to a vendor: opened in bounded time, its faults typed.

use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::ProviderFault;
use crate::model::Redacted;

/// Larger than any message a vendor documents.
const MESSAGE_MAX: usize = 4 << 20;
/// Abnormal closure: the connection went away without a close frame (RFC 6455 section 7.4.1).
const ABNORMAL: u16 = 1_006;

/// How to reach a vendor.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, Redacted<String>)>,
}

pub(super) struct Link(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What comes in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Text(String),
    Audio(Vec<u8>),
    /// A sign of life.
    Pong,
}

impl Link {
    pub(super) async fn open(address: &Address, within: Duration) -> Result<Self, ProviderFault> {
        install_tls();
        let unusable = |why: String| ProviderFault::Connect { why };
        let mut request = address.url.as_str().into_client_request().map_err(|_| unusable("the URL is none".to_owned()))?;
        for (name, value) in &address.headers {
            let mut value =
                HeaderValue::from_str(value.expose()).map_err(|_| unusable("the key holds characters a header cannot".to_owned()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let limits = WebSocketConfig::default().max_message_size(Some(MESSAGE_MAX)).max_frame_size(Some(MESSAGE_MAX));
        let opening = connect_async_with_config(request, Some(limits), true);
        match tokio::time::timeout(within, opening).await {
            Ok(Ok((socket, _))) => Ok(Self(socket)),
            Ok(Err(error)) => Err(fault(&error)),
            Err(_) => Err(ProviderFault::Stalled { millis: u64::try_from(within.as_millis()).unwrap_or(u64::MAX) }),
        }
    }

    pub(super) async fn send(&mut self, message: Message, within: Duration) -> Result<(), ProviderFault> {
        match tokio::time::timeout(within, self.0.send(message)).await {
            Ok(sent) => sent.map_err(|error| fault(&error)),
            Err(_) => Err(ProviderFault::Stalled { millis: u64::try_from(within.as_millis()).unwrap_or(u64::MAX) }),
        }
    }

    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Incoming, ProviderFault> {
        loop {
            return match self.0.next().await {
                Some(Ok(Message::Text(text))) => Ok(Incoming::Text(text.as_str().to_owned())),
                Some(Ok(Message::Binary(audio))) => Ok(Incoming::Audio(audio.to_vec())),
                Some(Ok(Message::Pong(_) | Message::Ping(_))) => Ok(Incoming::Pong),
                Some(Ok(Message::Close(frame))) => Err(ProviderFault::Closed { code: frame.map_or(ABNORMAL, |frame| frame.code.into()) }),
                Some(Ok(Message::Frame(_))) => continue,
                Some(Err(error)) => Err(fault(&error)),
                None => Err(ProviderFault::Closed { code: ABNORMAL }),
            };
        }
    }

    /// Says goodbye without waiting for the answer.
    pub(super) async fn close(mut self, last: Option<Message>) {
        let within = Duration::from_millis(500);
        if let Some(last) = last {
            drop(self.send(last, within).await);
        }
        drop(tokio::time::timeout(within, self.0.close(None)).await);
    }
}

/// One cryptography for all of TLS; whoever comes first installs it.
pub(super) fn install_tls() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

fn fault(error: &Error) -> ProviderFault {
    match error {
        Error::Http(answer) => match answer.status().as_u16() {
            status @ (400..=404 | 422) => ProviderFault::Refused { status },
            status => ProviderFault::Connect { why: format!("HTTP {status}") },
        },
        Error::ConnectionClosed | Error::AlreadyClosed => ProviderFault::Closed { code: ABNORMAL },
        Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_) => ProviderFault::Garbage,
        Error::Io(error) => ProviderFault::Connect { why: error.kind().to_string() },
        _ => ProviderFault::Connect { why: "TLS or URL".to_owned() },
    }
}
