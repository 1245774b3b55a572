//! The UDP sockets: read in batches into one buffer, written without waiting.

use socket2::SockRef;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;
use tokio::net::UdpSocket;

/// Peers whose socket is remembered, where there is a choice of sockets.
const MAX_ROUTES: usize = 8_192;

pub(super) struct Datagrams {
    sockets: Vec<(UdpSocket, SocketAddr)>,
    buffer: Vec<u8>,
    /// Which socket a peer talks to. A response must leave by the socket its request came to, or a NAT drops it.
    routes: BTreeMap<SocketAddr, usize>,
}

/// One datagram in [`Datagrams::bytes`].
pub(super) struct Received {
    pub(super) remote: SocketAddr,
    pub(super) local: SocketAddr,
    length: usize,
}

impl Datagrams {
    pub(super) fn new(sockets: Vec<(UdpSocket, SocketAddr)>) -> Self {
        Self { sockets, buffer: vec![0; 65_535], routes: BTreeMap::new() }
    }

    /// The next socket with something to read, searched from `first` on so that a busy one does not starve the others.
    pub(super) async fn readable(&self, first: usize) -> usize {
        let count = self.sockets.len();
        std::future::poll_fn(|context| {
            for place in (0..count).map(|step| (first + step) % count) {
                if self.sockets[place].0.poll_recv_ready(context).is_ready() {
                    return Poll::Ready(place);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// `None`: nothing more to read.
    pub(super) fn try_receive(&mut self, place: usize) -> Option<io::Result<Received>> {
        let (socket, local) = &self.sockets[place];
        match socket.try_recv_from(&mut self.buffer) {
            Ok((length, remote)) => Some(Ok(Received { remote, local: *local, length })),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => Some(Err(error)),
        }
    }

    pub(super) fn bytes(&self, received: &Received) -> &[u8] {
        &self.buffer[..received.length]
    }

    /// Keeps in mind where the peer was heard; pointless with one socket.
    pub(super) fn remember(&mut self, place: usize, remote: SocketAddr) {
        if self.sockets.len() > 1 && self.routes.get(&remote) != Some(&place) {
            if self.routes.len() >= MAX_ROUTES {
                self.routes.pop_first();
            }
            self.routes.insert(remote, place);
        }
    }

    /// `None`: no socket can reach this address. Straight to the system: tokio's own `try_send_to` refuses on a socket whose first readiness has not
    /// been reported yet, and the first message after the start would be lost.
    pub(super) fn try_send(&self, remote: SocketAddr, bytes: &[u8]) -> Option<io::Result<()>> {
        let place = self.routes.get(&remote).copied().or_else(|| self.socket_for(remote.ip()))?;
        Some(SockRef::from(&self.sockets[place].0).send_to(bytes, &remote.into()).map(|_| ()))
    }

    pub(super) fn reaches(&self, remote: IpAddr) -> bool {
        self.socket_for(remote).is_some()
    }

    /// Of the same family; one bound to this machine reaches only this machine, and the other way round.
    fn socket_for(&self, remote: IpAddr) -> Option<usize> {
        let fits =
            |local: IpAddr| local.is_ipv4() == remote.is_ipv4() && (local.is_unspecified() || local.is_loopback() == remote.is_loopback());
        self.sockets.iter().position(|(_, local)| fits(local.ip()))
    }
}
