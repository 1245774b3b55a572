//! TCP connections, accepted and opened: one future each, all of them inside the SIP task.

use super::ShellLimits;
use crate::sip::endpoint::{ConnectionId, TransmitId};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Pieces read and not yet given to the endpoint; a reader waits at one more, and so does its peer.
const CHUNKS: usize = 256;
const CHUNK_BYTES: usize = 8 * 1024;

type Outgoing = (TransmitId, Arc<[u8]>);
type Serving = Pin<Box<dyn Future<Output = Ended> + Send>>;

pub(super) struct Links {
    limits: ShellLimits,
    last_id: u64,
    open: BTreeMap<ConnectionId, Link>,
    by_remote: BTreeMap<SocketAddr, ConnectionId>,
    serving: FuturesUnordered<Serving>,
    chunks: mpsc::Receiver<Chunk>,
    chunk_sender: mpsc::Sender<Chunk>,
}

struct Link {
    remote: SocketAddr,
    local: SocketAddr,
    queue: mpsc::Sender<Outgoing>,
}

/// Bytes of one connection.
pub(super) struct Chunk {
    pub(super) id: ConnectionId,
    pub(super) remote: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) bytes: Box<[u8]>,
}

/// A connection is over.
pub(super) struct Ended {
    pub(super) id: ConnectionId,
    pub(super) why: EndedWhy,
    /// Messages that never left.
    pub(super) unsent: Vec<TransmitId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndedWhy {
    Closed,
    Failed,
    NotOpened,
    Idle,
    Stuck,
}

/// What became of a message for a connection.
pub(super) enum Queued {
    Yes,
    /// The queue is full: the connection is being closed.
    Stuck(ConnectionId),
    /// No connection can be had.
    No,
}

impl Links {
    pub(super) fn new(limits: ShellLimits) -> Self {
        let (chunk_sender, chunks) = mpsc::channel(CHUNKS);
        let (open, by_remote) = (BTreeMap::new(), BTreeMap::new());
        Self { limits, last_id: 0, open, by_remote, serving: FuturesUnordered::new(), chunks, chunk_sender }
    }

    pub(super) fn count(&self) -> usize {
        self.open.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= self.limits.connections
    }

    pub(super) fn accept(&mut self, stream: TcpStream, remote: SocketAddr, local: SocketAddr) {
        let first = Duration::from(self.limits.first_bytes);
        let connecting = async move { Ok(stream) };
        self.serve(remote, local, first, connecting);
    }

    /// Queues a message for `wanted` while it lives, else for a connection to `remote`, else for a new one; the flag says that one is opened.
    pub(super) fn send(
        &mut self,
        wanted: Option<ConnectionId>,
        remote: SocketAddr,
        local: SocketAddr,
        message: Outgoing,
    ) -> (Queued, bool) {
        let living = wanted.filter(|id| self.open.contains_key(id)).or_else(|| self.by_remote.get(&remote).copied());
        let (id, opened) = match living {
            Some(id) => (id, false),
            None if self.is_full() => return (Queued::No, false),
            None => {
                let idle = Duration::from(self.limits.idle);
                (self.serve(remote, local, idle, TcpStream::connect(remote)), true)
            }
        };
        let queued = match self.open.get(&id).map(|link| link.queue.try_send(message)) {
            Some(Ok(())) => Queued::Yes,
            Some(Err(_)) => Queued::Stuck(id),
            None => Queued::No,
        };
        (queued, opened)
    }

    /// Forgets a connection: its future sees the queue closed, ends and reports what was unsent.
    pub(super) fn close(&mut self, id: ConnectionId) {
        if let Some(link) = self.open.remove(&id)
            && self.by_remote.get(&link.remote) == Some(&id)
        {
            self.by_remote.remove(&link.remote);
        }
    }

    /// Bytes of any connection. Pends while there are none.
    pub(super) async fn progress(&mut self) -> Progress {
        tokio::select! {
            chunk = self.chunks.recv() => chunk.map_or(Progress::Nothing, Progress::Chunk),
            Some(ended) = self.serving.next(), if !self.serving.is_empty() => Progress::Ended(ended),
        }
    }

    /// What a connection said before it ended is heard before its end is told.
    pub(super) fn try_chunk(&mut self) -> Option<Chunk> {
        self.chunks.try_recv().ok()
    }

    fn serve<C>(&mut self, remote: SocketAddr, local: SocketAddr, first: Duration, connecting: C) -> ConnectionId
    where
        C: Future<Output = io::Result<TcpStream>> + Send + 'static,
    {
        self.last_id += 1;
        let id = ConnectionId(self.last_id);
        let (queue, messages) = mpsc::channel(self.limits.write_queue);
        let serving = Connection { id, remote, local, chunks: self.chunk_sender.clone(), messages, first, limits: self.limits };
        self.serving.push(Box::pin(serving.run(connecting)));
        self.open.insert(id, Link { remote, local, queue });
        self.by_remote.insert(remote, id);
        id
    }

    pub(super) fn local(&self, id: ConnectionId) -> Option<SocketAddr> {
        self.open.get(&id).map(|link| link.local)
    }
}

pub(super) enum Progress {
    Chunk(Chunk),
    Ended(Ended),
    Nothing,
}

struct Connection {
    id: ConnectionId,
    remote: SocketAddr,
    local: SocketAddr,
    chunks: mpsc::Sender<Chunk>,
    messages: mpsc::Receiver<Outgoing>,
    /// Patience for the first bytes.
    first: Duration,
    limits: ShellLimits,
}

impl Connection {
    async fn run<C: Future<Output = io::Result<TcpStream>>>(mut self, connecting: C) -> Ended {
        let mut unsent = Vec::new();
        let why = match tokio::time::timeout(self.limits.patience.into(), connecting).await {
            Ok(Ok(stream)) => self.talk(stream, &mut unsent).await,
            Ok(Err(_)) | Err(_) => EndedWhy::NotOpened,
        };
        self.messages.close();
        while let Ok((id, _)) = self.messages.try_recv() {
            unsent.push(id);
        }
        Ended { id: self.id, why, unsent }
    }

    async fn talk(&mut self, stream: TcpStream, unsent: &mut Vec<TransmitId>) -> EndedWhy {
        // Messages are whole and few: waiting to fill a segment only delays them.
        let _ = stream.set_nodelay(true);
        let (mut reader, mut writer) = stream.into_split();
        let (id, remote, local, chunks) = (self.id, self.remote, self.local, &self.chunks);
        let (first, idle, patience) = (self.first, Duration::from(self.limits.idle), Duration::from(self.limits.patience));
        let messages = &mut self.messages;
        let reading = async {
            let mut buffer = vec![0; CHUNK_BYTES];
            let mut patience = first;
            loop {
                match tokio::time::timeout(patience, reader.read(&mut buffer)).await {
                    Err(_) => return EndedWhy::Idle,
                    Ok(Ok(0)) => return EndedWhy::Closed,
                    Ok(Err(_)) => return EndedWhy::Failed,
                    Ok(Ok(length)) => {
                        let chunk = Chunk { id, remote, local, bytes: buffer[..length].into() };
                        if chunks.send(chunk).await.is_err() {
                            return EndedWhy::Closed;
                        }
                        patience = idle;
                    }
                }
            }
        };
        let writing = async {
            while let Some((message, bytes)) = messages.recv().await {
                match tokio::time::timeout(patience, writer.write_all(&bytes)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => {
                        unsent.push(message);
                        return EndedWhy::Failed;
                    }
                    Err(_) => {
                        unsent.push(message);
                        return EndedWhy::Stuck;
                    }
                }
            }
            // We were told to close it.
            EndedWhy::Closed
        };
        tokio::select! {
            why = reading => why,
            why = writing => why,
        }
    }
}
