//! A vendor of ours: a WebSocket peer on loopback that follows a script, a list of acts for each connection, faults included.

use futures_util::{SinkExt, StreamExt};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Instead of a handshake.
    Refuse(u16),
    /// Waits for a text message that holds this.
    Expect(&'static str),
    /// Waits for so many octets of binary audio.
    Hear(usize),
    Say(String),
    Send(Vec<u8>),
    Close(u16),
    /// Reads no more and says no more; the connection stays.
    Hang,
    /// The connection goes away without a word.
    Drop,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Request lines with the credentials of each connection.
    pub(super) requests: Vec<String>,
    pub(super) texts: Vec<String>,
    pub(super) audio: usize,
}

pub(super) struct Peer {
    pub(super) url: String,
    pub(super) seen: Arc<Mutex<Seen>>,
}

impl Peer {
    /// One script a connection, in order; later connections are dropped.
    pub(super) async fn start(scripts: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let shared = Arc::clone(&seen);
        tokio::runtime::Handle::current().spawn(async move {
            for script in scripts {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&shared);
                tokio::runtime::Handle::current().spawn(play(stream, script, shared));
            }
            // The port stays bound and closes whoever comes.
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().requests.push("one too many".to_owned());
                drop(stream);
            }
        });
        Self { url, seen }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

async fn play(mut stream: TcpStream, script: Vec<Act>, seen: Arc<Mutex<Seen>>) {
    if let Some(Act::Refuse(status)) = script.first() {
        let mut request = vec![0; 2_048];
        let read = stream.read(&mut request).await.unwrap();
        seen.lock().unwrap().requests.push(String::from_utf8_lossy(&request[..read]).lines().next().unwrap_or_default().to_owned());
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        return;
    }
    let noted = Arc::clone(&seen);
    #[expect(clippy::result_large_err, reason = "the signature of the library's callback")]
    let note = move |request: &Request, response: Response| {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let line = format!("{} {}{}", request.uri(), header("authorization"), header("xi-api-key"));
        noted.lock().unwrap().requests.push(line);
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, note).await.unwrap();
    for act in script {
        if !carry_out(&mut socket, act, &seen).await {
            return;
        }
    }
    // Whatever else is said is noted until the other side goes.
    while let Some(Ok(message)) = socket.next().await {
        note_message(&message, &seen);
    }
}

async fn carry_out(socket: &mut WebSocketStream<TcpStream>, act: Act, seen: &Mutex<Seen>) -> bool {
    match act {
        Act::Refuse(_) => {}
        Act::Expect(text) => {
            while let Some(Ok(message)) = socket.next().await {
                note_message(&message, seen);
                if message.to_text().is_ok_and(|said| said.contains(text)) {
                    return true;
                }
            }
            return false;
        }
        Act::Hear(octets) => {
            let mut left = octets;
            while left > 0 {
                let Some(Ok(message)) = socket.next().await else { return false };
                note_message(&message, seen);
                left = left.saturating_sub(if message.is_binary() { message.len() } else { 0 });
            }
        }
        Act::Say(text) => return socket.send(Message::text(text)).await.is_ok(),
        Act::Send(octets) => return socket.send(Message::binary(octets)).await.is_ok(),
        Act::Close(code) => drop(socket.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await),
        Act::Hang => std::future::pending().await,
        Act::Drop => return false,
    }
    true
}

fn note_message(message: &Message, seen: &Mutex<Seen>) {
    let mut seen = seen.lock().unwrap();
    match message {
        Message::Text(text) => seen.texts.push(text.as_str().to_owned()),
        Message::Binary(audio) => seen.audio += audio.len(),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
    }
}
