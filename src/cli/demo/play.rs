//! The call itself: starts everyone, lets the caller call, and gathers what is left of it.

use super::check::{self, Evidence, Sound};
use super::show::{Seen, Speaker};
use super::stage::{Role, Stage, Story};
use super::warm;
use crate::cli::phone::{Callee, Dial, Happening, Plan, Report, What, Which};
use crate::host::{Clock, Observer, Worker};
use crate::model::{CallTime, ConversationId, Millis, WorkerTime};
use crate::replay::{Moment, Recording, Words, decode, host_replay, timeline};
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A call that is not over by then is ended.
const CALL_MAX: Millis = Millis::from_secs(50);
/// For what is left to do after the last goodbye: close pipeline, files.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);
/// Lines that wait to be shown; one more is not shown.
const SEEN_MAX: usize = 1_024;

/// What is left of the call.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub conversation: ConversationId,
    pub recording: PathBuf,
    /// Stereo: left what the caller said, right what the caller heard.
    pub audio: PathBuf,
    pub timeline: Vec<Moment>,
    /// Verdict of the replay, one line.
    pub replay: String,
    /// What did not happen though the script wants it; empty: all of it did.
    pub missing: Vec<String>,
}

/// Why the demonstration could not be given or its files not be read.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct DemoError {
    what: &'static str,
    why: String,
}

impl DemoError {
    pub(super) fn new(what: &'static str, why: impl Display) -> Self {
        Self { what, why: why.to_string() }
    }
}

/// Gives the whole demonstration; `show` is called for everything there is to see, as it happens. Ends within a minute and a half whatever happens.
pub async fn play(stage: Stage, mut show: impl FnMut(&Seen)) -> Result<Outcome, DemoError> {
    std::fs::create_dir_all(&stage.out)
        .map_err(|error| DemoError::new("the folder for its files", format!("{}: {error}", stage.out.display())))?;
    stage.rehearse().await?;
    let (sender, mut waiting) = mpsc::channel(SEEN_MAX);
    let over = CancellationToken::new();
    let watched = async {
        loop {
            tokio::select! {
                biased;
                seen = waiting.recv() => match seen {
                    Some(seen) => show(&seen),
                    None => return,
                },
                () = over.cancelled() => return,
            }
        }
    };
    let happens = async {
        let left = perform(&stage, sender).await;
        over.cancel();
        left
    };
    let ((), left) = tokio::join!(watched, happens);
    let (conversation, caller, desk) = left?;
    gather(&stage, conversation, &caller, &desk).await
}

/// What both sides of the story write into.
#[derive(Clone)]
struct Watch {
    seen: mpsc::Sender<Seen>,
    clock: Clock,
    /// The call, and when it was offered.
    call: Arc<OnceLock<(ConversationId, WorkerTime)>>,
}

impl Watch {
    fn observer(&self) -> Observer {
        let watch = self.clone();
        Arc::new(move |conversation, line| {
            watch.call.get_or_init(|| (conversation, watch.clock.now()));
            if let Some(seen) = Seen::live(line) {
                watch.tell(seen);
            }
        })
    }

    fn phone(&self, role: Role) -> impl Fn(Happening) + Send + Sync + 'static {
        let watch = self.clone();
        move |happening| {
            let offered = watch.call.get().map_or(happening.at, |(_, offered)| *offered);
            let at = CallTime::ZERO.after(happening.at.since(offered));
            if let Some((speaker, text)) = told(role, &happening) {
                watch.tell(Seen { at, speaker, text });
            }
        }
    }

    fn tell(&self, seen: Seen) {
        // Full: the terminal is slower than the call; the timeline at the end has it all.
        let _ = self.seen.try_send(seen);
    }
}

/// What of a telephone's story is worth a line beside the worker's own.
fn told(role: Role, happening: &Happening) -> Option<(Speaker, String)> {
    let text = match (role, happening.line, &happening.what) {
        (_, _, What::Says { words }) => format!("“{words}”"),
        (Role::Caller, Which::Dialled, What::Calls { target }) => format!("dials {target}"),
        (Role::Caller, Which::Dialled, What::AskedToCall { target, .. }) => format!("is asked to call {target}"),
        (Role::Caller, Which::Referred, What::Calls { .. }) => "calls billing".to_owned(),
        (Role::Caller, Which::Referred, What::Answered) => "is connected to billing".to_owned(),
        (Role::Caller, _, What::TimeIsUp | What::Fault { .. } | What::Failed { .. }) | (Role::Desk, _, What::Fault { .. }) => {
            happening.to_string()
        }
        (Role::Caller, Which::Referred, What::Released { .. }) => "the call with billing is over".to_owned(),
        (Role::Desk, _, What::ComesIn) => "the telephone rings".to_owned(),
        (Role::Desk, _, What::Answered) => "answers".to_owned(),
        (Role::Desk, _, What::Presses { keys }) => format!("presses {keys}"),
        (Role::Desk, _, What::HangsUp) => "hangs up".to_owned(),
        _ => return None,
    };
    Some((if role == Role::Caller { Speaker::Caller } else { Speaker::Billing }, text))
}

async fn perform(stage: &Stage, seen: mpsc::Sender<Seen>) -> Result<(ConversationId, Report, Report), DemoError> {
    let clock = Clock::start();
    let watch = Watch { seen, clock, call: Arc::default() };
    let desk = stage.phone(Role::Desk, clock, watch.phone(Role::Desk))?;
    let caller = stage.phone(Role::Caller, clock, watch.phone(Role::Caller))?;
    let worker = Worker::start(stage.worker(&desk.uri(), watch.observer())?).await.map_err(|error| DemoError::new("the worker", error))?;
    let address = worker.sip_addresses().first().copied().ok_or_else(|| DemoError::new("the worker", "it has no SIP address"))?;
    let to = Callee::read(&format!("sip:front-desk@{address}")).map_err(|error| DemoError::new("the worker's address", error))?;
    let dial = Dial { to, from: None, steps: stage.story.caller_steps(), record: None };
    let caller_plan = Plan { dial: Some(dial), follow_refer: true, timeout: CALL_MAX, ..Plan::default() };
    let stop = CancellationToken::new();
    let desk_plan = Plan { answer: Some(stage.story.desk_steps()), timeout: CALL_MAX, stop: stop.clone(), ..Plan::default() };
    let calling = async {
        let report = caller.run(caller_plan).await;
        stop.cancel();
        report
    };
    let (caller, desk) = tokio::join!(calling, desk.run(desk_plan));
    // A call that is over ends by itself; only one that is not is ended by stopping the worker.
    within(|| worker.live_calls() == 0).await;
    worker.stop().await;
    let (conversation, _) = watch.call.get().copied().ok_or_else(|| DemoError::new("the call", "it never reached the worker"))?;
    Ok((conversation, caller, desk))
}

async fn gather(stage: &Stage, conversation: ConversationId, caller: &Report, desk: &Report) -> Result<Outcome, DemoError> {
    let out = &stage.out;
    let path = out.join(format!("{conversation}.jsonl"));
    let text = std::fs::read_to_string(&path).map_err(|error| DemoError::new("the recording", error))?;
    let recording: Recording = decode(&text).map_err(|error| DemoError::new("the recording", error))?;
    let audio = out.join(format!("{conversation}.wav"));
    within(|| Sound::read(&audio).is_some()).await;
    let replay = host_replay(&recording);
    let evidence = Evidence { recording: &recording, replay: &replay, caller, desk, sound: Sound::read(&audio), audio: &audio };
    Ok(Outcome {
        conversation,
        recording: path,
        audio: audio.clone(),
        timeline: timeline(&recording.lines, Words::Shown),
        replay: check::verdict(&replay),
        missing: match stage.story {
            Story::Cold => check::missing(&evidence),
            Story::Warm => warm::missing(&evidence),
        },
    })
}

/// Waits until it is so, at most for [`PATIENCE`].
async fn within(so: impl Fn() -> bool) {
    let wait = async {
        while !so() {
            tokio::time::sleep(LOOK).await;
        }
    };
    // Whoever waited looks again and says what is missing.
    let _ = tokio::time::timeout(PATIENCE, wait).await;
}
