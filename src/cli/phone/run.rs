//! The phone: one loop over everything that happens to it.

use super::happening::{Happening, What, Which};
use super::level::Edge;
use super::line::{Line, tell};
use super::script::{Act, Script};
use super::voice::Voice;
use super::{Callee, PhoneError};
use crate::host::{Clock, Tasks};
use crate::media::shell::{EngineConfig, MediaEngine};
use crate::model::{Millis, WorkerTime};
use crate::replay::transcript::Step;
use crate::sip::acl::AccessList;
use crate::sip::endpoint::{
    Config as EndpointConfig, Endpoint, LegEvent, LegKey, Order, OrderError, Originate, ReferPolicy, ReleaseReason, ReleasedBy,
};
use crate::sip::shell::{ShellConfig, ShellLimits, SipHandle, Sockets, order_queue};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Facts that wait for the loop.
const EVENTS: usize = 1_024;
/// After its time a phone hangs up and waits this long for the goodbyes.
const GOODBYE: Millis = Millis::from_secs(5);

/// How a phone is set up.
pub(crate) struct PhoneConfig {
    /// User part of its own address.
    pub(crate) name: String,
    /// Where its sockets are; port 0 takes a free one.
    pub(crate) local: SocketAddr,
    pub(crate) rtp: (u16, u16),
    pub(crate) access: AccessList,
    pub(crate) voice: Voice,
    pub(crate) clock: Clock,
}

/// What it is to do.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) dial: Option<Dial>,
    /// What it does on a call that comes in; `None` refuses calls.
    pub(crate) answer: Option<Vec<Step>>,
    pub(crate) follow_refer: bool,
    /// Everything is hung up after this long.
    pub(crate) timeout: Millis,
    /// Without a call for this phone to place: the end of its wait.
    pub(crate) stop: CancellationToken,
}

/// A call to place.
pub(crate) struct Dial {
    pub(crate) to: Callee,
    /// From; `None`: the phone's own address.
    pub(crate) from: Option<String>,
    pub(crate) steps: Vec<Step>,
    /// Stereo WAV of it: left what we heard, right what we said.
    pub(crate) record: Option<PathBuf>,
}

/// What became of it all.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Report {
    /// In the order they began.
    pub(crate) lines: Vec<LineReport>,
    pub(crate) timed_out: bool,
    pub(crate) faults: Vec<String>,
}

/// What became of one call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LineReport {
    pub(crate) which: Which,
    pub(crate) answered: bool,
    /// The last word about it.
    pub(crate) ended: Option<(ReleasedBy, ReleaseReason)>,
    /// Times the other side began to speak.
    pub(crate) speeches_heard: u32,
    /// Steps of its script that were never begun.
    pub(crate) steps_left: usize,
}

impl LineReport {
    pub(super) const fn new(which: Which) -> Self {
        Self { which, answered: false, ended: None, speeches_heard: 0, steps_left: 0 }
    }
}

impl Report {
    pub(crate) fn line(&self, which: Which) -> Option<&LineReport> {
        self.lines.iter().find(|line| line.which == which)
    }
}

/// Everything that reaches the loop.
pub(super) enum PhoneEvent {
    Placed { line: Which, result: Result<LegKey, OrderError> },
    Sip(LegEvent),
    Heard { line: Which, edge: Edge },
    Said { line: Which },
    Unsaid { line: Which, why: String },
    Recorded { line: Which, length: Millis, truncated: bool },
    Refused { what: &'static str, error: OrderError },
}

/// See the module. It has at most one call of each kind.
pub(crate) struct Phone {
    name: String,
    address: SocketAddr,
    sip: SipHandle,
    media: MediaEngine,
    voice: Voice,
    clock: Clock,
    tasks: Tasks,
    stop: CancellationToken,
    events: mpsc::Receiver<PhoneEvent>,
    sender: mpsc::Sender<PhoneEvent>,
    lines: BTreeMap<Which, Line>,
    over: Vec<LineReport>,
    faults: Vec<String>,
    show: Arc<dyn Fn(Happening) + Send + Sync>,
}

impl Phone {
    /// Opens its sockets. `show` is told everything that happens and must not block.
    pub(crate) fn start(config: PhoneConfig, show: Arc<dyn Fn(Happening) + Send + Sync>) -> Result<Self, PhoneError> {
        let PhoneConfig { name, local, rtp, access, voice, clock } = config;
        let tcp = SocketAddr::new(local.ip(), 0);
        let sockets = Sockets::bind(ShellConfig { udp: vec![local], tcp: vec![tcp], access, limits: ShellLimits::default() })?;
        let listeners = sockets.listeners();
        let address = listeners.first().map_or(local, |listener| listener.local);
        let engine = EngineConfig { bind: local.ip(), ports: rtp, quarantine: Millis(0) };
        let media = MediaEngine::start(engine, Arc::new(move || clock.now()))?;
        let endpoint_config = EndpointConfig {
            user_agent: format!("voice-worker-phone/{}", env!("CARGO_PKG_VERSION")),
            contact_user: name.clone(),
            refer: ReferPolicy::Report,
            ..EndpointConfig::new(listeners)
        };
        let endpoint = Endpoint::new(endpoint_config, Uuid::new_v4().as_u64_pair().0);
        let (sip, orders) = order_queue();
        let (sender, events) = mpsc::channel(EVENTS);
        let (tasks, stop, facts) = (Tasks::new(), CancellationToken::new(), sender.clone());
        let running = crate::sip::shell::run(
            sockets,
            endpoint,
            orders,
            Arc::new(move || clock.now()),
            move |event| tell(&facts, PhoneEvent::Sip(event)),
            stop.clone(),
        );
        tasks.spawn("phone_sip", async move { _ = running.await });
        let (lines, over, faults) = (BTreeMap::new(), Vec::new(), Vec::new());
        Ok(Self { name, address, sip, media, voice, clock, tasks, stop, events, sender, lines, over, faults, show })
    }

    /// Its own SIP address.
    pub(crate) fn uri(&self) -> String {
        format!("sip:{}@{}", self.name, self.address)
    }

    /// Runs until its calls are over, its time is up, or (without a call) it is stopped.
    pub(crate) async fn run(mut self, plan: Plan) -> Report {
        let mut plan = plan;
        let until = self.clock.now().after(plan.timeout);
        let (mut timed_out, mut stopping) = (false, false);
        let mut waits = plan.dial.is_none();
        if let Some(dial) = plan.dial.take() {
            self.place(Which::Dialled, dial);
        }
        while waits || !self.lines.is_empty() {
            let now = self.clock.now();
            if !stopping && now >= until {
                timed_out = !self.lines.is_empty();
                stopping = true;
                waits = false;
                self.hang_up_all();
            }
            if stopping && now >= until.after(GOODBYE) {
                break;
            }
            let deadline = self.next_deadline().unwrap_or(WorkerTime::MAX).min(if stopping { until.after(GOODBYE) } else { until });
            let event = tokio::select! {
                event = self.events.recv() => event,
                () = tokio::time::sleep(deadline.since(now)) => None,
                () = plan.stop.cancelled(), if waits && self.lines.is_empty() => {
                    waits = false;
                    None
                }
            };
            if let Some(event) = event {
                self.take(event, &plan);
                // A call that was refused is none: the wait goes on, and the refusal has time to leave.
                waits &= self.lines.is_empty();
            }
            self.act();
        }
        let silent: Vec<Which> = self.lines.values().filter(|line| line.report.ended.is_none()).map(|line| line.which).collect();
        for which in silent {
            self.fault(which, "the other side does not answer".to_owned());
        }
        let mut lines = std::mem::take(&mut self.over);
        lines.extend(self.lines.values().map(|line| LineReport { steps_left: line.script.left(), ..line.report.clone() }));
        self.stop.cancel();
        self.lines.clear();
        self.tasks.joined().await;
        Report { lines, timed_out, faults: self.faults }
    }

    fn place(&mut self, which: Which, dial: Dial) {
        let mut line = match self.open(which, dial.steps) {
            Ok(line) => line,
            Err(why) => return self.fault(which, why),
        };
        if let Some(path) = &dial.record
            && let Err(error) = line.record(path)
        {
            self.fault(which, error.to_string());
        }
        self.tell(which, What::Calls { target: dial.to.target.clone() });
        let call = Originate {
            target: dial.to.target,
            from: dial.from.unwrap_or_else(|| self.uri()),
            from_display: None,
            destination: dial.to.destination,
            credentials: None,
            media: line.local(self.address.ip()),
            headers: dial.to.headers,
            ring_timeout: None,
            redirects: None,
        };
        self.lines.insert(which, line);
        let events = self.sender.clone();
        self.sip.originate(call, move |result| tell(&events, PhoneEvent::Placed { line: which, result }));
    }

    fn open(&self, which: Which, steps: Vec<Step>) -> Result<Line, String> {
        let seed = Uuid::new_v4().as_u64_pair().0;
        Line::open(which, Script::new(steps), seed, &self.media, &self.sender).map_err(|error| error.to_string())
    }

    fn take(&mut self, event: PhoneEvent, plan: &Plan) {
        let at = self.clock.now();
        match event {
            PhoneEvent::Sip(event) => self.signalled(at, event, plan),
            PhoneEvent::Placed { line, result: Ok(leg) } => {
                if let Some(line) = self.lines.get_mut(&line) {
                    line.leg = Some(leg);
                }
            }
            PhoneEvent::Placed { line, result: Err(error) } => {
                self.fault(line, error.to_string());
                self.progress(line, 503, true);
                self.finish(line, ReleasedBy::Local, ReleaseReason::TransportLost);
            }
            PhoneEvent::Heard { line: which, edge } => {
                if let Some(line) = self.lines.get_mut(&which) {
                    line.heard(edge);
                    line.script.heard(at, edge);
                    self.tell(which, if edge == Edge::Speaks { What::Hears } else { What::HearsNothing });
                }
            }
            PhoneEvent::Said { line } => self.said(at, line),
            PhoneEvent::Unsaid { line, why } => {
                self.fault(line, why);
                self.said(at, line);
            }
            PhoneEvent::Recorded { line, length, truncated } => {
                self.tell(line, What::Recorded { length, truncated });
                if let Some(open) = self.lines.get_mut(&line) {
                    open.recording = false;
                }
                self.reap();
            }
            PhoneEvent::Refused { what, error } => self.faults.push(format!("{what}: {error}")),
        }
    }

    fn said(&mut self, at: WorkerTime, which: Which) {
        if let Some(line) = self.lines.get_mut(&which) {
            line.script.said(at);
        }
    }

    fn signalled(&mut self, at: WorkerTime, event: LegEvent, plan: &Plan) {
        if let LegEvent::Incoming { leg, .. } = event {
            return self.comes_in(leg, plan.answer.as_deref());
        }
        let Some(which) = self.lines.values().find(|line| line.leg == Some(event.leg())).map(|line| line.which) else { return };
        match event {
            LegEvent::Ringing { status, .. } => {
                self.tell(which, What::Rings { status });
                self.progress(which, status, false);
            }
            LegEvent::Answered { media, .. } | LegEvent::Confirmed { media, .. } => {
                if let Some(line) = self.lines.get_mut(&which) {
                    line.report.answered = true;
                    line.script.answered(at);
                    if let Err(why) = line.agree(&media) {
                        self.fault(which, why);
                    }
                }
                self.tell(which, What::Answered);
                self.progress(which, 200, true);
            }
            LegEvent::Failed { status, .. } => {
                self.tell(which, What::Failed { status });
                self.progress(which, status, true);
            }
            LegEvent::Released { by, why, .. } => self.finish(which, by, why),
            LegEvent::MediaChanged { media, .. } => {
                let agreed = self.lines.get(&which).map_or(Ok(()), |line| line.agree(&media));
                if let Err(why) = agreed {
                    self.fault(which, why);
                }
                self.tell(which, What::Held { held: media.held_by_peer });
            }
            LegEvent::ReferRequested { leg, refer_to } => self.referred(which, leg, refer_to.expose(), plan.follow_refer),
            LegEvent::Incoming { .. }
            | LegEvent::ModifyFailed { .. }
            | LegEvent::Digit { .. }
            | LegEvent::ReferAnswered { .. }
            | LegEvent::ReferProgress { .. }
            | LegEvent::ReferEnded { .. }
            | LegEvent::Redirected { .. }
            | LegEvent::Replaced { .. } => {}
            LegEvent::ReplaceRequested { by, .. } => {
                self.order("refuse", Order::Reject { leg: by, status: 603, retry_after_seconds: None, reason: None });
            }
        }
    }

    fn comes_in(&mut self, leg: LegKey, steps: Option<&[Step]>) {
        let free = !self.lines.contains_key(&Which::Incoming);
        let line = steps.filter(|_| free).map(|steps| self.open(Which::Incoming, steps.to_vec()));
        match line {
            Some(Ok(mut line)) => {
                line.leg = Some(leg);
                let media = line.local(self.address.ip());
                self.lines.insert(Which::Incoming, line);
                self.tell(Which::Incoming, What::ComesIn);
                self.order("ring", Order::Ring { leg });
                self.order("answer", Order::Answer { leg, media });
            }
            Some(Err(why)) => {
                self.fault(Which::Incoming, why);
                self.order("refuse", Order::Reject { leg, status: 503, retry_after_seconds: None, reason: None });
            }
            None => self.order("refuse", Order::Reject { leg, status: 486, retry_after_seconds: None, reason: None }),
        }
    }

    /// The other side asks us to call someone (RFC 3515).
    fn referred(&mut self, which: Which, leg: LegKey, refer_to: &str, may: bool) {
        let callee = Callee::read(refer_to).ok().filter(|_| may && !self.lines.contains_key(&Which::Referred));
        let target = callee.as_ref().map_or_else(|| refer_to.to_owned(), |callee| callee.target.clone());
        self.tell(which, What::AskedToCall { target, follows: callee.is_some() });
        let status = if callee.is_some() { 202 } else { 603 };
        self.order("answer the REFER", Order::AnswerRefer { leg, status });
        if let Some(to) = callee {
            self.place(Which::Referred, Dial { to, from: None, steps: Vec::new(), record: None });
            if !self.lines.contains_key(&Which::Referred) {
                self.progress(Which::Referred, 503, true);
            }
        }
    }

    /// How the referred call goes, told on the call that asked for it while that one lives.
    fn progress(&self, which: Which, status: u16, last: bool) {
        let asked_on = self.lines.values().find(|line| line.which != Which::Referred).and_then(|line| line.leg);
        if let Some(leg) = asked_on.filter(|_| which == Which::Referred) {
            self.order("tell the progress of the REFER", Order::NotifyRefer { leg, status, last });
        }
    }

    /// Whatever it is time for, on every line.
    fn act(&mut self) {
        let at = self.clock.now();
        let lines: Vec<Which> = self.lines.keys().copied().collect();
        for which in lines {
            while let Some(act) = self.lines.get_mut(&which).and_then(|line| line.script.poll(at)) {
                self.perform(which, act);
            }
        }
    }

    fn perform(&mut self, which: Which, act: Act) {
        match act {
            Act::Say(words) => {
                self.tell(which, What::Says { words: words.clone() });
                if let Some(line) = self.lines.get_mut(&which) {
                    line.say(words, &self.voice, &self.tasks, &self.sender);
                }
            }
            Act::Press(keys) => {
                self.tell(which, What::Presses { keys: keys.iter().map(|key| key.as_char()).collect() });
                let pressed = self.lines.get(&which).map_or(Ok(()), |line| line.press(&keys));
                if let Err(error) = pressed {
                    self.fault(which, error.to_string());
                }
            }
            Act::HangUp => self.hang_up(which),
            Act::Skip => self.tell(which, What::Skipped),
        }
    }

    fn hang_up_all(&mut self) {
        let lines: Vec<Which> = self.lines.keys().copied().collect();
        for which in lines {
            self.tell(which, What::TimeIsUp);
            self.hang_up(which);
        }
    }

    fn hang_up(&self, which: Which) {
        if let Some(leg) = self.lines.get(&which).and_then(|line| line.leg) {
            self.tell(which, What::HangsUp);
            self.order("hang up", Order::Release { leg, reason: None, unanswered_status: 480 });
        }
    }

    fn finish(&mut self, which: Which, by: ReleasedBy, why: ReleaseReason) {
        self.tell(which, What::Released { by, why });
        if let Some(line) = self.lines.get_mut(&which) {
            line.report.ended = Some((by, why));
            line.leg = None;
            line.close();
        }
        self.reap();
    }

    /// Lines that are over and whose recordings are finished.
    fn reap(&mut self) {
        let done: Vec<Which> =
            self.lines.values().filter(|line| line.report.ended.is_some() && !line.recording).map(|line| line.which).collect();
        for which in done {
            if let Some(line) = self.lines.remove(&which) {
                self.over.push(LineReport { steps_left: line.script.left(), ..line.report });
            }
        }
    }

    fn order(&self, what: &'static str, order: Order) {
        let events = self.sender.clone();
        self.sip.order(order, move |answer| {
            // A leg that is gone has said so itself.
            if let Err(error) = answer
                && !matches!(error, OrderError::NoSuchLeg(_))
            {
                tell(&events, PhoneEvent::Refused { what, error });
            }
        });
    }

    fn next_deadline(&self) -> Option<WorkerTime> {
        self.lines.values().filter_map(|line| line.script.next_deadline()).min()
    }

    fn fault(&mut self, which: Which, why: String) {
        self.faults.push(why.clone());
        self.tell(which, What::Fault { why });
    }

    fn tell(&self, line: Which, what: What) {
        (self.show)(Happening { at: self.clock.now(), line, what });
    }
}

/// For phones on a local network: an address of this machine alone takes calls from this machine alone.
pub(crate) fn everyone_or_this_machine(local: IpAddr) -> AccessList {
    if local.is_loopback() {
        return AccessList::default();
    }
    AccessList::new(["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok()))
}
