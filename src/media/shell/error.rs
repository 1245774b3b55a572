//! What can go wrong at the machine's side of media.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    #[error("the RTP port range {first}-{last} holds no even port with its odd neighbour: widen it")]
    EmptyRange { first: u16, last: u16 },
    #[error("no RTP port is free ({in_use} in use, {quarantined} in quarantine): widen the range or admit fewer calls")]
    PortsExhausted { in_use: usize, quarantined: usize },
    #[error("could not bind an RTP port on {address}: check that the address belongs to this machine")]
    Bind { address: std::net::IpAddr, source: std::io::Error },
    #[error("could not start the thread {name}")]
    Thread { name: &'static str, source: std::io::Error },
    #[error("the pacer does not take new legs fast enough: the machine is overloaded")]
    Busy,
    #[error("the media engine has stopped")]
    Stopped,
    #[error("could not create the recording {}", path.display())]
    Recording { path: PathBuf, source: hound::Error },
}

/// An order was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefused {
    #[error("too many orders wait for this leg's next tick")]
    Full,
    #[error("this leg is closed")]
    Closed,
}
