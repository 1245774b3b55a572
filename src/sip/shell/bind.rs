//! Opens the sockets, or says which one could not be opened and what to do.

use super::{ShellConfig, ShellError};
use crate::sip::endpoint::{Listener, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, UdpSocket};

/// A burst of this many bytes waits in the kernel while the task is busy; the system may allow less.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
const BACKLOG: i32 = 1_024;

/// The open sockets, ready for [`run`](super::run).
#[derive(Debug)]
pub struct Sockets {
    pub(super) config: ShellConfig,
    pub(super) udp: Vec<(UdpSocket, SocketAddr)>,
    pub(super) tcp: Vec<(TcpListener, SocketAddr)>,
}

impl Sockets {
    /// Opens all of them or none. Needs a tokio runtime around it.
    pub fn bind(config: ShellConfig) -> Result<Self, ShellError> {
        if config.udp.is_empty() && config.tcp.is_empty() {
            return Err(ShellError::NoSocket);
        }
        let mut sockets = Self { udp: Vec::new(), tcp: Vec::new(), config };
        for address in &sockets.config.udp {
            sockets.udp.push(udp(*address).map_err(|source| explained(Transport::Udp, *address, source))?);
        }
        for address in &sockets.config.tcp {
            sockets.tcp.push(tcp(*address).map_err(|source| explained(Transport::Tcp, *address, source))?);
        }
        Ok(sockets)
    }

    /// For the endpoint's configuration, with the ports really taken; nothing is advertised but the address itself.
    pub fn listeners(&self) -> Vec<Listener> {
        let udp = self.udp.iter().map(|(_, local)| (Transport::Udp, *local));
        let tcp = self.tcp.iter().map(|(_, local)| (Transport::Tcp, *local));
        udp.chain(tcp).map(|(transport, local)| Listener { transport, local, advertised: None }).collect()
    }
}

fn udp(address: SocketAddr) -> io::Result<(UdpSocket, SocketAddr)> {
    let socket = plain(address, Type::DGRAM, Protocol::UDP)?;
    // The system's limit is a fine answer too.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    let _ = socket.set_send_buffer_size(RECEIVE_BUFFER);
    socket.bind(&address.into())?;
    let socket = UdpSocket::from_std(socket.into())?;
    let local = socket.local_addr()?;
    Ok((socket, local))
}

fn tcp(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = plain(address, Type::STREAM, Protocol::TCP)?;
    // Connections of the process before us may still be winding down on this port; a second listener is refused all the same.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}

/// An IPv6 socket takes IPv6 only: `[::]` and `0.0.0.0` can be open side by side, and no source looks like IPv6 that is none.
fn plain(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn explained(transport: Transport, address: SocketAddr, source: io::Error) -> ShellError {
    let kind = source.kind();
    if kind == io::ErrorKind::AddrInUse {
        ShellError::Taken { transport, address }
    } else if kind == io::ErrorKind::AddrNotAvailable {
        ShellError::NotOurs { transport, address }
    } else if kind == io::ErrorKind::PermissionDenied {
        ShellError::Forbidden { transport, address }
    } else {
        ShellError::Other { transport, address, source }
    }
}
