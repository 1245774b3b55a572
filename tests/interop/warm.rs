//! Warm transfers between softphones: who is on hold, who is briefed, who hears whom, and what is left.

use crate::assistants::warm_switchboard;
use crate::phones::{Baresip, PjPhone, pjsip};
use crate::sound::{loud_ms, read, tone_ms, write_tone};
use crate::worker::{Recorded, Setup, Site, Worker, text};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Of the caller's and of the supervisor's telephone: neither in the scripted voice (400 Hz) nor in the hold music.
pub(crate) const CALLER: f64 = 1_000.0;
pub(crate) const HUMAN: f64 = 1_400.0;
/// Without a pause.
const STEADY: (u32, u32) = (1, 1);

/// A PJSIP caller with A-law and a baresip supervisor with µ-law: the worker converts.
pub(crate) struct Scene {
    pub(crate) worker: Worker,
    pub(crate) caller: PjPhone,
    pub(crate) human: Baresip,
    pub(crate) id: String,
}

impl Scene {
    /// The caller is on hold and the supervisor has answered. `None`: a program is missing, and said so.
    pub(crate) async fn consulting(warm: &str) -> Option<Self> {
        let scene = Self::begin(|human| Setup::with("desk", warm_switchboard(human, &[], warm))).await?;
        scene.worker.recording_says(&scene.id, &["leg_answered", "\"leg\":1"]).await;
        Some(scene)
    }

    pub(crate) async fn begin(setup: impl FnOnce(&str) -> Setup) -> Option<Self> {
        let python = pjsip()?;
        let mut site = Site::new(Setup::with("desk", "")).await;
        let tones = tones(&site);
        let human = Baresip::start(&site, "human", 4, &tones.1).await?;
        site.setup = setup(&human.uri);
        let worker = site.start().await;
        let caller = call(&python, &worker);
        let id = worker.live(1, &["talking", "transferring", "consulting"]).await.remove(0);
        Some(Self { worker, caller, human, id })
    }

    /// The supervisor's key, as soon as the briefing was heard.
    pub(crate) async fn presses(&mut self, key: &str) {
        self.worker.recording_says(&self.id, &["\"playback_ended\"", "\"utterance\":2"]).await;
        self.human.order("sndcode", key).await;
    }
}

pub(crate) fn tones(site: &Site) -> (PathBuf, PathBuf) {
    let (caller, human) = (site.path("caller-tone.wav"), site.path("human-tone.wav"));
    write_tone(&caller, CALLER, STEADY, 60);
    write_tone(&human, HUMAN, STEADY, 60);
    (caller, human)
}

pub(crate) fn call(python: &Path, worker: &Worker) -> PjPhone {
    let more = ["--dial", &worker.uri(), "--play", "caller-tone.wav", "--codec", "PCMA"];
    PjPhone::start(python, &worker.site, "caller", 0, &more)
}

/// Two more seconds of the caller's stereo recording have reached the disk.
async fn they_talk(recording: &Path) {
    let length = || std::fs::metadata(recording).map_or(0, |file| file.len());
    let before = length();
    crate::worker::until("they talk", std::time::Duration::from_secs(20), async || (length() > before + 64_000).then_some(())).await;
}

/// The last row of each attempt.
pub(crate) fn attempts(recorded: &Recorded) -> Vec<Value> {
    let mut last: Vec<Value> = Vec::new();
    for command in recorded.commands("note_attempt") {
        let record = &command["record"];
        last.retain(|known| (&known["transfer"], &known["attempt"]) != (&record["transfer"], &record["attempt"]));
        last.push(record.clone());
    }
    last
}

/// Milliseconds after the offer of the first command of this name.
pub(crate) fn ordered_at(recorded: &Recorded, name: &str) -> usize {
    let line = recorded.lines.iter().find(|line| line["command"]["command"] == name).unwrap_or_else(|| panic!("no {name} was ordered"));
    usize::try_from(line["at"].as_u64().expect("a time") / 1_000).expect("a short call")
}

/// Nobody heard the other, all the call through.
pub(crate) fn two_worlds(heard_by_caller: &[i16], heard_by_human: &[i16]) {
    assert_eq!(tone_ms(heard_by_caller, HUMAN), 0, "the caller heard the supervisor");
    assert_eq!(tone_ms(heard_by_human, CALLER), 0, "the supervisor heard the caller");
}

#[tokio::test]
async fn pain_7_a_supervisor_accepts_by_key_and_only_then_both_hear_each_other_across_codecs() {
    let Some(mut scene) = Scene::consulting("").await else { return };
    scene.presses("1").await;
    scene.worker.recording_says(&scene.id, &["bridge_up"]).await;
    // Keys of the bridge reach the other side as telephone-events.
    scene.human.order("sndcode", "7").await;
    scene.caller.event("dtmf", &[("digit", json!("7"))]).await;
    // Hold and resume by the caller leave the bridge whole.
    scene.caller.order("hold").await;
    scene.worker.recording_says(&scene.id, &["leg_held", "true"]).await;
    scene.caller.order("resume").await;
    scene.worker.recording_says(&scene.id, &["leg_held", "false"]).await;
    let recording = scene.worker.recording(&scene.id, "wav");
    crate::phones::long_enough(&recording).await;
    they_talk(&recording).await;
    scene.human.order("hangup", "").await;
    let (row, recorded) = scene.worker.one_call_ended("transferred").await;

    let heard_by_caller = scene.caller.finish().await;
    let heard_by_human = scene.human.finish().await;
    assert!(tone_ms(&read(&heard_by_caller(0), 0), HUMAN) > 1_000, "the caller hears the supervisor");
    let heard = tone_ms(&read(&heard_by_human[0], 0), CALLER);
    assert!(heard > 1_000, "the supervisor hears the caller: {heard} ms");
    let joined = ordered_at(&recorded, "bridge");
    let to_caller = read(&recording, 1);
    let before = &to_caller[..joined * 8];
    assert_eq!(tone_ms(before, HUMAN), 0, "before the bridge the caller hears nothing of the consult");
    assert!(loud_ms(before) > 1_000, "but the worker and its music");
    let consult = scene.worker.recording(&format!("{}-consult-1", text(&row["id"])), "wav");
    assert!(tone_ms(&read(&consult, 0), HUMAN) > 500, "the consult is recorded apart");
    assert!(tone_ms(&read(&consult, 1), CALLER) <= 200, "and ends with the bridge");
    let rows = attempts(&recorded);
    assert_eq!((rows.len(), &rows[0]["decision"], &rows[0]["failure_reason"]), (1, &json!("accepted"), &Value::Null), "{rows:#?}");
    scene.worker.stop().await;
}

#[tokio::test]
async fn a_supervisor_declines_and_the_caller_is_back_with_the_assistant_who_knows_why() {
    let Some(mut scene) = Scene::consulting("").await else { return };
    scene.presses("2").await;
    scene.worker.recording_says(&scene.id, &["\"play\"", "What else?"]).await;
    scene.worker.quiet_after(&scene.id, "What else?").await;
    scene.caller.order("bye").await;
    let (_, recorded) = scene.worker.one_call_ended("participant_left").await;
    assert!(recorded.story().contains("declined. What else?"), "{}", recorded.story());
    let rows = attempts(&recorded);
    assert_eq!((&rows[0]["decision"], &rows[0]["failure_reason"]), (&json!("declined"), &json!("declined")), "{rows:#?}");
    let heard_by_caller = scene.caller.finish().await;
    let heard_by_human = scene.human.finish().await;
    two_worlds(&read(&heard_by_caller(0), 0), &read(&heard_by_human[0], 0));
    assert!(loud_ms(&read(&heard_by_human[0], 0)) > 1_000, "the supervisor was briefed");
    scene.worker.stop().await;
}

#[tokio::test]
async fn a_trunk_that_refuses_refer_bridges_a_cold_transfer_through_a_second_leg() {
    let bridged = |human: &str| {
        Setup::with("desk", crate::assistants::switchboard(human, true)).trunk("refer = \"refuses\"\nbridge_on_failure = true")
    };
    let Some(mut scene) = Scene::begin(bridged).await else { return };
    scene.worker.recording_says(&scene.id, &["bridge_up"]).await;
    they_talk(&scene.worker.recording(&scene.id, "wav")).await;
    scene.caller.order("bye").await;
    let (_, recorded) = scene.worker.one_call_ended("transferred").await;
    assert!(recorded.commands("refer").is_empty(), "none is sent to a trunk that refuses it");
    let heard_by_caller = scene.caller.finish().await;
    let heard_by_human = scene.human.finish().await;
    assert!(tone_ms(&read(&heard_by_caller(0), 0), HUMAN) > 800, "the caller hears the target");
    assert!(tone_ms(&read(&heard_by_human[0], 0), CALLER) > 800, "the target hears the caller");
    scene.worker.stop().await;
}

/// Calls at once; the harness's worker takes no more.
const MANY: usize = 16;

#[tokio::test]
async fn sixteen_warm_transfers_at_once_strand_nobody() {
    let Some(sipp_program) = crate::support::program("sipp", "sip-tester") else { return };
    let mut site = Site::new(Setup::with("desk", "")).await;
    let (port, many) = (site.port(4), MANY.to_string());
    site.setup = Setup::with("desk", warm_switchboard(&format!("sip:human@127.0.0.1:{port}"), &[], "max_dial_seconds = 20"));
    let worker = site.start().await;
    let media = [worker.site.port(8).to_string(), worker.site.port(12).to_string()];
    let more = ["-p", &port.to_string(), "-mp", &media[0], "-m", &many, "-rtp_echo"];
    let humans = crate::support::sipp(sipp_program.clone(), "uas_accepts.xml", worker.udp, &more);
    let more = ["-mp", &media[1], "-m", &many, "-r", "16", "-rtp_echo"];
    let callers = crate::support::sipp(sipp_program, "uac_wait_bye.xml", worker.udp, &more);
    callers.finish(std::time::Duration::from_secs(60)).await.expect_success();
    humans.finish(std::time::Duration::from_secs(20)).await.expect_success();
    let mut waits = Vec::new();
    for row in worker.closed(MANY).await {
        let recorded = worker.replayed(text(&row["id"])).await;
        assert_eq!(row["termination_reason"], "transferred", "{}", recorded.story());
        let at = |wanted: &dyn Fn(&Value) -> bool| {
            let line = recorded.lines.iter().find(|line| wanted(&line["event"])).expect("it happened");
            line["at"].as_u64().expect("a time") / 1_000
        };
        let pressed = at(&|event| event["event"] == "digit_pressed" && event["leg"] == 1);
        waits.push(at(&|event| event["event"] == "bridge_up") - pressed);
    }
    waits.sort_unstable();
    println!("accept key to both heard, of {MANY} at once: median {} ms, longest {} ms", waits[MANY / 2], waits[MANY - 1]);
    assert!(waits[MANY - 1] < 1_000, "{waits:?}");
    worker.nothing_is_left().await;
    worker.stop().await;
}
