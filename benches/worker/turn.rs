//! Turns with a model behind them: the end of what a caller says to the first sound of the answer, on the wire and inside.
//!
//! The model is the scripted one in this process; the caller is a socket that sends a tone, then silence, and notes when it hears one.

use crate::cases::USUAL;
use crate::machine;
use crate::phone::{Dialog, Phone};
use crate::report::{Report, or_dash};
use crate::subject::Subject;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use voice_worker::runtime::shell::scripted::{Script, ScriptedModel};

const PROBE: u16 = 60_118;
const FRAME: Duration = Duration::from_millis(20);
/// Bursts of the caller, in frames.
const BURST: usize = 20;
/// So many quiet frames are the end of what the worker says.
const QUIET: usize = 25;
/// µ-law: one value for silence, one that is loud.
const SILENCE: u8 = 0xff;
const LOUD: [u8; 2] = [0x90, 0x10];

const ANSWER: &str =
    "That is the first sentence. After it comes a second one with a few more words in it, and then a third sentence ends the answer.";

/// One kind of model.
struct Case {
    name: &'static str,
    /// `None`: no model at all, the graph answers.
    reply: Option<String>,
}

fn cases() -> Vec<Case> {
    let words = ANSWER.split_whitespace().count();
    let reply = |more: &str| Some(format!("[[reply]]\ntext = {ANSWER:?}\n{more}\n"));
    vec![
        Case { name: "no model: the graph answers", reply: None },
        Case { name: "model that answers in 0 ms", reply: reply("pieces = \"whole\"") },
        Case { name: "30 ms a word, spoken sentence by sentence", reply: reply("pace_ms = 30") },
        Case { name: "30 ms a word, spoken when whole", reply: reply(&format!("stream = false\nfirst_ms = {}", 30 * (words - 1))) },
    ]
}

pub(crate) fn turns(turns: usize, folder: &Path, report: &mut Report) -> io::Result<()> {
    let columns =
        ["", "turns", "ear's verdict to first frame: p50 ms", "p99 ms", "last loud packet to first frame: p50 ms", "p99 ms", "load"];
    report.table("A turn: what the caller said to the first frame of the answer", &columns);
    let runtime = Runtime::new()?;
    for case in cases() {
        let model = case.reply.as_deref().map(|reply| serve(&runtime, reply)).transpose()?;
        let more = model.map_or_else(String::new, |address| {
            format!("[[model]]\nrole = \"main\"\nbase_url = \"http://{address}/v1\"\nmodel = \"scripted\"\n")
        });
        let words = format!("scripted_words = {:?}", vec!["a question"; turns]);
        let subject = Subject::worker_with(folder, USUAL, &assistant(model.is_some()), &words, &more)?;
        let mut on_the_wire = Vec::new();
        while on_the_wire.len() < turns {
            on_the_wire.push(one_call(subject.target)?);
        }
        let mut inside = from_recordings(&folder.join("worker/state/recordings"))?;
        let mut cells = vec![case.name.to_owned(), on_the_wire.len().to_string()];
        for spans in [&mut inside, &mut on_the_wire] {
            spans.sort_by(f64::total_cmp);
            cells.extend(
                [0.5, 0.99].map(|share| or_dash(spans.get(((spans.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied())),
            );
        }
        cells.push(machine::load());
        report.row(&cells);
    }
    Ok(())
}

fn serve(runtime: &Runtime, reply: &str) -> io::Result<SocketAddr> {
    let script = Script::parse(reply).map_err(io::Error::other)?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    // It ends with the runtime.
    drop(runtime.spawn(ScriptedModel::new(script).serve(listener)));
    Ok(address)
}

fn assistant(with_model: bool) -> String {
    let greeting = "name = \"Answerer\"\n[voice.first_speaking]\ntext = \"Hello.\"\n";
    let node = "[workflow]\nstart = \"talk\"\n[[workflow.nodes]]\nid = \"talk\"\nkind = \"agent\"\n";
    let says = "[[workflow.nodes]]\nid = \"answer\"\nkind = \"agent\"\nedges = [{ to = \"talk\" }]\n";
    if with_model {
        format!("{greeting}[model]\nrole = \"main\"\n{node}instructions = \"Answer the caller.\"\n")
    } else {
        format!("{greeting}{node}edges = [{{ to = \"answer\" }}]\n{says}say = {ANSWER:?}\n")
    }
}

/// Milliseconds from the last loud packet of one call to the first loud frame.
fn one_call(target: SocketAddr) -> io::Result<f64> {
    let mut phone = Phone::new(target, PROBE)?;
    let dialog = phone.call()?;
    let mut line = Line::new(&phone, &dialog)?;
    // The greeting, if it comes.
    line.listen_until_quiet(Duration::from_secs(3))?;
    let mut ended = Instant::now();
    for _ in 0..BURST {
        ended = Instant::now();
        line.frame(true)?;
    }
    let heard = line.first_sound(Duration::from_secs(8))?;
    phone.hang_up(&dialog)?;
    let heard = heard.ok_or_else(|| io::Error::other("a turn was not answered within 8 s"))?;
    Ok(heard.saturating_duration_since(ended).as_secs_f64() * 1_000.0)
}

/// RTP both ways, 20 ms at a time.
struct Line<'p> {
    phone: &'p Phone,
    to: SocketAddr,
    next: Instant,
    sent: u16,
}

impl<'p> Line<'p> {
    fn new(phone: &'p Phone, dialog: &Dialog) -> io::Result<Self> {
        let to = dialog.audio.ok_or_else(|| io::Error::other("the answer names no audio port"))?;
        Ok(Self { phone, to, next: Instant::now(), sent: 0 })
    }

    /// Sends one frame and hears what comes until the next one is due: when the first loud frame came, if one did.
    fn frame(&mut self, loud: bool) -> io::Result<Option<Instant>> {
        let mut packet = vec![0x80, 0];
        packet.extend(self.sent.to_be_bytes());
        packet.extend((u32::from(self.sent) * 160).to_be_bytes());
        packet.extend(7_u32.to_be_bytes());
        packet.extend((0..160).map(|at| if loud { LOUD[at / 4 % 2] } else { SILENCE }));
        self.phone.media.send_to(&packet, self.to)?;
        self.sent = self.sent.wrapping_add(1);
        self.next += FRAME;
        let mut heard = None;
        loop {
            let left = self.next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(heard);
            }
            self.phone.media.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let mut buffer = [0; 512];
            match self.phone.media.recv_from(&mut buffer) {
                Ok((length, _)) if heard.is_none() && is_loud(&buffer[12.min(length)..length]) => heard = Some(Instant::now()),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn first_sound(&mut self, within: Duration) -> io::Result<Option<Instant>> {
        let until = Instant::now() + within;
        while Instant::now() < until {
            if let Some(heard) = self.frame(false)? {
                return Ok(Some(heard));
            }
        }
        Ok(None)
    }

    fn listen_until_quiet(&mut self, within: Duration) -> io::Result<()> {
        let (until, mut quiet, mut begun) = (Instant::now() + within, 0, false);
        while Instant::now() < until && !(begun && quiet >= QUIET) {
            if self.frame(false)?.is_some() {
                (quiet, begun) = (0, true);
            } else {
                quiet += 1;
            }
        }
        Ok(())
    }
}

/// Mean magnitude of µ-law far from its zero.
fn is_loud(payload: &[u8]) -> bool {
    let loud = payload.iter().filter(|byte| !**byte & 0x70 > 0x40).count();
    payload.len() >= 80 && loud * 4 > payload.len()
}

/// Milliseconds from the ear's verdict that the caller is through to the first frame, as the worker's own recordings have them.
fn from_recordings(folder: &Path) -> io::Result<Vec<f64>> {
    let mut spans = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let (mut ended, mut turn) = (None, false);
        for line in std::fs::read_to_string(entry?.path())?.lines() {
            let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let at = line["at"].as_f64().unwrap_or_default() / 1_000.0;
            match (line["event"]["event"].as_str(), line["command"]["command"].as_str()) {
                (Some("speech_ended"), _) => ended = Some(at),
                (_, Some("run_turn")) => turn = true,
                (Some("playback_started"), _) if turn => {
                    spans.extend(ended.take().map(|ended| at - ended));
                    turn = false;
                }
                _ => {}
            }
        }
    }
    Ok(spans)
}
