//! From a URI to where its INVITE goes.

use super::PhoneError;
use crate::sip::endpoint::{Destination, Transport};
use crate::sip::readers::NameAddr;
use crate::sip::uri::SipUri;
use std::net::{IpAddr, SocketAddr};

/// Someone to be called.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Callee {
    /// For the request line.
    pub(crate) target: String,
    pub(crate) destination: Destination,
    /// Headers its URI asked for that a transferee carries over (RFC 3891).
    pub(crate) headers: Vec<(String, String)>,
}

impl Callee {
    /// From `sip:user@host:port;transport=tcp`, or the same as a header writes it.
    pub(crate) fn read(text: &str) -> Result<Self, PhoneError> {
        let fault = |why: String| PhoneError::Target { why };
        let uri =
            if text.contains('<') { NameAddr::read(text).map_err(|error| fault(error.to_string()))?.uri } else { text.trim().to_owned() };
        let uri = SipUri::read(&uri).map_err(|error| fault(error.to_string()))?;
        let transport = match uri.params.get("transport").map(|name| name.to_ascii_lowercase()).as_deref() {
            None | Some("udp") => Transport::Udp,
            Some("tcp") => Transport::Tcp,
            Some(_) => return Err(fault("this phone speaks UDP and TCP only".to_owned())),
        };
        let destination = match uri.host.ip() {
            Some(address) => {
                let port = uri.port.unwrap_or_else(|| transport.default_port());
                Destination::Address { transport, remote: SocketAddr::new(address, port), connection: None }
            }
            None => Destination::Name { transport, host: uri.host.to_string(), port: uri.port },
        };
        let headers = uri.header("Replaces").map(|value| ("Replaces".to_owned(), value)).into_iter().collect();
        Ok(Self { target: uri.without_headers().to_string(), destination, headers })
    }

    /// The address of ours that this callee is reached from.
    pub(crate) async fn local_address(&self) -> Result<IpAddr, PhoneError> {
        let fault = |why: String| PhoneError::Target { why };
        let remote = match &self.destination {
            Destination::Address { remote, .. } => *remote,
            Destination::Name { transport, host, port } => {
                let wanted = (host.as_str(), port.unwrap_or(transport.default_port()));
                let mut found = tokio::net::lookup_host(wanted).await.map_err(|error| fault(format!("{host}: {error}")))?;
                found.next().ok_or_else(|| fault(format!("{host} has no address")))?
            }
        };
        let any: SocketAddr = if remote.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let route = || {
            let socket = std::net::UdpSocket::bind(any)?;
            socket.connect(remote)?;
            socket.local_addr()
        };
        route().map(|local| local.ip()).map_err(|error| fault(format!("no way to {remote}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callee_is_read_from_a_uri_and_from_a_header() {
        let read = |text: &str| Callee::read(text).map(|callee| (callee.target, callee.destination, callee.headers.len()));
        let remote = "127.0.0.1:5072".parse().unwrap();
        let udp = Destination::Address { transport: Transport::Udp, remote, connection: None };
        assert_eq!(read("sip:a@127.0.0.1:5072").unwrap(), ("sip:a@127.0.0.1:5072".to_owned(), udp.clone(), 0));
        assert_eq!(
            read("\"Billing\" <sip:a@127.0.0.1:5072?Replaces=x%3Bto-tag%3D1>").unwrap(),
            ("sip:a@127.0.0.1:5072".to_owned(), udp, 1)
        );
        let name = Destination::Name { transport: Transport::Tcp, host: "pbx.example".to_owned(), port: None };
        assert_eq!(read("sip:pbx.example;transport=TCP").unwrap().1, name);
        for wrong in ["tel:+123456", "sip:", "sip:a@b;transport=tls", "nonsense"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
