//! UDP ports by pairs: even for RTP, the next for RTCP (RFC 3550 section 11). A released pair rests before it is used again.

use super::error::MediaError;
use crate::model::{Millis, WorkerTime};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Expedited forwarding (RFC 3246), as voice is marked.
const EXPEDITED: u32 = 0xb8;
/// Half a second of G.711 with the kernel's overhead: a stall must not be kept as delay.
const RECEIVE_BUFFER: usize = 64 * 1_024;

pub(super) struct PortPool {
    bind: IpAddr,
    quarantine: Millis,
    /// Longest rested first.
    free: VecDeque<u16>,
    resting: VecDeque<(WorkerTime, u16)>,
    in_use: usize,
}

/// Two bound non-blocking sockets.
pub(super) struct PortPair {
    pub(super) port: u16,
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
}

impl PortPool {
    pub(super) fn new(bind: IpAddr, (first, last): (u16, u16), quarantine: Millis) -> Result<Self, MediaError> {
        let free: VecDeque<u16> = (first.max(2)..last).filter(|port| port % 2 == 0).collect();
        if free.is_empty() {
            return Err(MediaError::EmptyRange { first, last });
        }
        Ok(Self { bind, quarantine, free, resting: VecDeque::new(), in_use: 0 })
    }

    /// Pairs somebody else on this machine holds are passed over.
    pub(super) fn acquire(&mut self, at: WorkerTime) -> Result<PortPair, MediaError> {
        self.release_rested(at);
        let mut refused = None;
        for _ in 0..self.free.len() {
            let Some(port) = self.free.pop_front() else { break };
            match bind_pair(self.bind, port) {
                Ok(pair) => {
                    self.in_use += 1;
                    return Ok(pair);
                }
                Err(error) => {
                    self.free.push_back(port);
                    let taken = error.kind() == std::io::ErrorKind::AddrInUse;
                    refused = Some(error);
                    if !taken {
                        break;
                    }
                }
            }
        }
        match refused {
            Some(source) => Err(MediaError::Bind { address: self.bind, source }),
            None => Err(MediaError::PortsExhausted { in_use: self.in_use, quarantined: self.resting.len() }),
        }
    }

    /// The sockets are closed already.
    pub(super) fn release(&mut self, at: WorkerTime, port: u16) {
        self.in_use = self.in_use.saturating_sub(1);
        self.resting.push_back((at.after(self.quarantine), port));
    }

    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    pub(super) fn quarantined(&mut self, at: WorkerTime) -> usize {
        self.release_rested(at);
        self.resting.len()
    }

    fn release_rested(&mut self, at: WorkerTime) {
        while let Some((until, port)) = self.resting.front().copied()
            && until <= at
        {
            self.resting.pop_front();
            self.free.push_back(port);
        }
    }
}

fn bind_pair(address: IpAddr, port: u16) -> std::io::Result<PortPair> {
    Ok(PortPair { port, rtp: bind(address, port)?, rtcp: bind(address, port + 1)? })
}

fn bind(address: IpAddr, port: u16) -> std::io::Result<UdpSocket> {
    let address = SocketAddr::new(address, port);
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Marks and buffer sizes are wishes: a machine that refuses them still carries calls.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    if address.is_ipv4() {
        let _ = socket.set_tos_v4(EXPEDITED);
    } else {
        let _ = socket.set_tclass_v6(EXPEDITED);
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> WorkerTime {
        WorkerTime::from_millis(millis)
    }

    fn pool(ports: (u16, u16)) -> PortPool {
        PortPool::new(IpAddr::from([127, 0, 0, 1]), ports, Millis(10_000)).unwrap()
    }

    #[test]
    fn pain_23_a_released_port_rests_before_it_is_used_again() {
        let mut pool = pool((26_001, 26_005));
        let (first, second) = (pool.acquire(at(0)).unwrap(), pool.acquire(at(0)).unwrap());
        assert_eq!((first.port % 2, second.port), (0, first.port + 2));
        let error = pool.acquire(at(0)).err().unwrap();
        assert!(matches!(error, MediaError::PortsExhausted { in_use: 2, quarantined: 0 }), "{error}");
        let port = first.port;
        drop(first);
        pool.release(at(1_000), port);
        assert_eq!((pool.in_use(), pool.quarantined(at(1_000))), (1, 1));
        assert!(pool.acquire(at(10_999)).is_err(), "still in quarantine");
        assert_eq!(pool.acquire(at(11_000)).unwrap().port, port);
    }

    #[test]
    fn a_pair_another_program_holds_is_passed_over() {
        let taken = UdpSocket::bind("127.0.0.1:26011").unwrap();
        let mut pool = pool((26_010, 26_014));
        assert_eq!(pool.acquire(at(0)).unwrap().port, 26_012);
        drop(taken);
    }

    #[test]
    fn a_range_without_a_pair_is_refused() {
        assert!(PortPool::new(IpAddr::from([127, 0, 0, 1]), (26_021, 26_022), Millis(0)).is_err());
        assert!(PortPool::new(IpAddr::from([127, 0, 0, 1]), (65_535, 65_535), Millis(0)).is_err());
    }
}
