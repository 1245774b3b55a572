//! A caller of the fewest lines that can: one call at a time, no media of its own. For frames and BYEs whose times are to be known.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

pub(crate) struct Phone {
    socket: UdpSocket,
    /// The RTP port it names; bound, so that nothing bounces.
    pub(crate) media: UdpSocket,
    target: SocketAddr,
    number: u32,
}

/// An answered call.
pub(crate) struct Dialog {
    call: String,
    from: String,
    to: String,
    contact: String,
    routes: Vec<String>,
    /// Where the other side receives RTP.
    pub(crate) audio: Option<SocketAddr>,
}

impl Phone {
    pub(crate) fn new(target: SocketAddr, media_port: u16) -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        Ok(Self { socket, media: UdpSocket::bind(("127.0.0.1", media_port))?, target, number: 0 })
    }

    pub(crate) fn call(&mut self) -> io::Result<Dialog> {
        self.number += 1;
        let local = self.socket.local_addr()?;
        let (call, from) = (format!("{}-{}@bench", local.port(), self.number), format!("<sip:probe@{local}>;tag={}", self.number));
        let to = format!("<sip:1000@{}>", self.target);
        let port = self.media.local_addr()?.port();
        let body = format!(
            "v=0\r\no=probe 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n\
             a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
        );
        let more = format!("Contact: <sip:probe@{local}>\r\nContent-Type: application/sdp\r\n");
        let target = format!("sip:1000@{}", self.target);
        let mut dialog = Dialog { call, from, to, contact: target, routes: Vec::new(), audio: None };
        self.send("INVITE", 1, &dialog, &more, &body)?;
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let answer = self.receive(deadline)?;
            if answer.starts_with("SIP/2.0 200") && header(&answer, "call-id").as_deref() == Some(&dialog.call) {
                dialog.to = header(&answer, "to").unwrap_or_default();
                dialog.contact = header(&answer, "contact").and_then(|contact| uri(&contact)).unwrap_or_default();
                dialog.routes = headers(&answer, "record-route");
                dialog.routes.reverse();
                dialog.audio = audio(&answer);
                self.send("ACK", 1, &dialog, "", "")?;
                return Ok(dialog);
            }
            if answer.starts_with("SIP/2.0 ") && !answer.starts_with("SIP/2.0 1") {
                return Err(io::Error::other(format!("the call was answered: {}", answer.lines().next().unwrap_or_default())));
            }
        }
    }

    pub(crate) fn hang_up(&self, dialog: &Dialog) -> io::Result<()> {
        self.send("BYE", 2, dialog, "", "")?;
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.receive(deadline)?.starts_with("SIP/2.0 200") {}
        Ok(())
    }

    /// When the other side's BYE came.
    pub(crate) fn wait_for_bye(&self) -> io::Result<Instant> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let request = self.receive(deadline)?;
            let came = Instant::now();
            if request.starts_with("BYE ") {
                let copied = ["via", "from", "to", "call-id", "cseq"];
                let lines = request.lines().skip(1).take_while(|line| !line.is_empty());
                let kept = lines.filter(|line| copied.contains(&name_of(line).as_str()));
                let answer = kept.fold("SIP/2.0 200 OK\r\n".to_owned(), |text, line| text + line + "\r\n") + "Content-Length: 0\r\n\r\n";
                self.socket.send_to(answer.as_bytes(), self.target)?;
                return Ok(came);
            }
        }
    }

    fn send(&self, method: &str, number: u32, dialog: &Dialog, more: &str, body: &str) -> io::Result<()> {
        let local = self.socket.local_addr()?;
        let routes = dialog.routes.iter().fold(String::new(), |text, route| text + "Route: " + route + "\r\n");
        let text = format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{}{method}{};rport\r\n{routes}From: {}\r\nTo: {}\r\nCall-ID: {}\r\n\
             CSeq: {number} {method}\r\nMax-Forwards: 70\r\n{more}Content-Length: {}\r\n\r\n{body}",
            dialog.contact,
            local.port(),
            self.number,
            dialog.from,
            dialog.to,
            dialog.call,
            body.len()
        );
        self.socket.send_to(text.as_bytes(), self.target).map(drop)
    }

    fn receive(&self, deadline: Instant) -> io::Result<String> {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(left))?;
        let mut buffer = [0; 4_096];
        let (length, _) = self.socket.recv_from(&mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }
}

/// From its session description.
fn audio(answer: &str) -> Option<SocketAddr> {
    let host = answer.lines().find_map(|line| line.strip_prefix("c=IN IP4 "))?.trim().parse().ok()?;
    let port = answer.lines().find_map(|line| line.strip_prefix("m=audio "))?.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::new(host, port))
}

fn name_of(line: &str) -> String {
    line.split(':').next().unwrap_or_default().trim().to_lowercase()
}

fn headers(message: &str, name: &str) -> Vec<String> {
    let lines = message.lines().take_while(|line| !line.is_empty()).filter(|line| name_of(line) == name);
    lines.filter_map(|line| Some(line.split_once(':')?.1)).flat_map(|value| value.split(',')).map(|value| value.trim().to_owned()).collect()
}

fn header(message: &str, name: &str) -> Option<String> {
    headers(message, name).into_iter().next()
}

fn uri(contact: &str) -> Option<String> {
    let inside = contact.split_once('<').map_or(contact, |(_, rest)| rest);
    inside.split('>').next().map(str::to_owned)
}
