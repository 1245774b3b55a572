//! From a message to bytes.

use crate::sip::headers::clean;
use crate::sip::message::Message;

/// Prints with a computed Content-Length; the body's bytes are untouched.
///
/// No value can break out of its line: header values were cleaned when they entered the list, the parts of the start line are cleaned here.
pub fn print(message: &Message) -> Vec<u8> {
    let start = match message {
        Message::Request(request) => format!("{} {} SIP/2.0", solid(request.method.as_str()), solid(&request.target)),
        Message::Response(response) => format!("SIP/2.0 {} {}", response.status, clean(&response.reason)),
    };
    let mut bytes = Vec::with_capacity(512 + message.body().len());
    bytes.extend_from_slice(start.as_bytes());
    bytes.extend_from_slice(b"\r\n");
    for (name, value) in message.headers().iter() {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", message.body().len()).as_bytes());
    bytes.extend_from_slice(message.body());
    bytes
}

/// Without blanks and control characters: a part of the request line.
fn solid(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && *c != ' ').collect()
}
