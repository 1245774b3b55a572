//! Warm transfers that do not come to be: nobody is stranded, nobody hears what is not for them, nothing is left.

use crate::assistants::warm_switchboard;
use crate::phones::{Baresip, PjPhone, pjsip};
use crate::sound::{loud_ms, read, write_machine};
use crate::warm::{Scene, attempts, call, tones, two_worlds};
use crate::worker::{Setup, Site, Worker};
use serde_json::{Value, json};
use std::time::Duration;

/// A PJSIP supervisor: it can refuse, ring, stay silent or be a machine.
struct Ringing {
    worker: Worker,
    caller: PjPhone,
    human: PjPhone,
    id: String,
}

impl Ringing {
    async fn begin(human: &[&str], warm: &str) -> Option<Self> {
        let python = pjsip()?;
        let mut site = Site::new(Setup::with("desk", "")).await;
        tones(&site);
        write_machine(&site.path("machine.wav"));
        let human = PjPhone::start(&python, &site, "human", 4, human);
        human.event("ready", &[]).await;
        site.setup = Setup::with("desk", warm_switchboard(&human.uri, &[], warm));
        let worker = site.start().await;
        let caller = call(&python, &worker);
        let id = worker.live(1, &["talking", "transferring", "consulting"]).await.remove(0);
        Some(Self { worker, caller, human, id })
    }

    /// The caller is told, hangs up, and the only attempt failed for this reason.
    async fn comes_back(mut self, reason: &str) {
        self.worker.recording_says(&self.id, &["\"play\"", "What else?"]).await;
        self.worker.quiet_after(&self.id, "What else?").await;
        self.caller.order("bye").await;
        self.ends_as("participant_left", reason).await;
    }

    async fn ends_as(self, termination: &str, reason: &str) {
        let (_, recorded) = self.worker.one_call_ended(termination).await;
        let rows = attempts(&recorded);
        assert_eq!((rows.len(), &rows[0]["failure_reason"]), (1, &json!(reason)), "{rows:#?}\n{}", recorded.story());
        assert!(recorded.commands("bridge").is_empty(), "nobody was joined");
        drop(self.caller.finish().await);
        drop(self.human.finish().await);
        self.worker.stop().await;
    }
}

#[tokio::test]
async fn pain_5_a_busy_supervisor_is_told_as_busy() {
    let Some(scene) = Ringing::begin(&["--reject", "486"], "").await else { return };
    scene.comes_back("busy").await;
}

#[tokio::test]
async fn nobody_answers_then_the_next_destination_does() {
    let Some(python) = pjsip() else { return };
    let mut site = Site::new(Setup::with("desk", "")).await;
    let tones = tones(&site);
    let absent = PjPhone::start(&python, &site, "absent", 8, &[]);
    absent.event("ready", &[]).await;
    let Some(mut human) = Baresip::start(&site, "human", 4, &tones.1).await else { return };
    site.setup = Setup::with("desk", warm_switchboard(&absent.uri, &[&human.uri], ""));
    let worker = site.start().await;
    let caller = call(&python, &worker);
    let id = worker.live(1, &["talking", "transferring", "consulting"]).await.remove(0);
    absent.state(0, "DISCONNECTED").await;
    worker.recording_says(&id, &["\"play\"", "\"leg\":2"]).await;
    human.order("sndcode", "1").await;
    worker.recording_says(&id, &["bridge_up"]).await;
    human.order("hangup", "").await;
    let (_, recorded) = worker.one_call_ended("transferred").await;
    let rows = attempts(&recorded);
    let told: Vec<&Value> = rows.iter().map(|row| &row["failure_reason"]).collect();
    assert_eq!(told, [&json!("no_answer"), &Value::Null], "{rows:#?}");
    drop(caller.finish().await);
    drop(absent.finish().await);
    human.finish().await;
    worker.stop().await;
}

#[tokio::test]
async fn pain_6_a_caller_who_hangs_up_while_it_rings_ends_the_ringing() {
    let Some(mut scene) = Ringing::begin(&[], "max_dial_seconds = 60").await else { return };
    scene.worker.recording_says(&scene.id, &["leg_ringing", "\"leg\":1"]).await;
    scene.caller.order("bye").await;
    let cancelled = scene.human.state(0, "DISCONNECTED").await;
    assert_eq!(cancelled["code"], 487, "by CANCEL");
    scene.ends_as("participant_left", "caller_hung_up").await;
}

#[tokio::test]
async fn pain_6_a_caller_who_hangs_up_during_the_briefing_releases_the_supervisor_at_once() {
    let Some(mut scene) = Ringing::begin(&["--answer", "--play", "human-tone.wav"], "").await else { return };
    scene.worker.recording_says(&scene.id, &["\"play\"", "\"leg\":1"]).await;
    scene.caller.order("bye").await;
    tokio::time::timeout(Duration::from_secs(3), scene.human.state(0, "DISCONNECTED")).await.expect("within three seconds");
    scene.ends_as("participant_left", "caller_hung_up").await;
}

#[tokio::test]
async fn a_supervisor_who_hangs_up_during_the_briefing_leaves_the_caller_with_the_assistant() {
    let Some(mut scene) = Scene::consulting("").await else { return };
    scene.worker.recording_says(&scene.id, &["\"play\"", "\"leg\":1"]).await;
    scene.human.order("hangup", "").await;
    scene.worker.quiet_after(&scene.id, "What else?").await;
    scene.caller.order("bye").await;
    let (_, recorded) = scene.worker.one_call_ended("participant_left").await;
    assert_eq!(attempts(&recorded)[0]["failure_reason"], "supervisor_hung_up", "{}", recorded.story());
    let heard_by_caller = scene.caller.finish().await;
    let heard_by_human = scene.human.finish().await;
    two_worlds(&read(&heard_by_caller(0), 0), &read(&heard_by_human[0], 0));
    scene.worker.stop().await;
}

#[tokio::test]
async fn pain_8_a_machine_that_answers_is_not_briefed() {
    let warm = "detect_supervisor_voicemail = true";
    let Some(scene) = Ringing::begin(&["--answer", "--play", "machine.wav"], warm).await else { return };
    scene.worker.recording_says(&scene.id, &["answer_classified", "machine"]).await;
    let said = scene.worker.recording_text(&scene.id);
    let briefed = said.lines().any(|line| line.contains("\"play\"") && line.contains("\"leg\":1"));
    assert!(!briefed, "a machine hears nothing of the caller:\n{said}");
    scene.comes_back("machine").await;
}

#[tokio::test]
async fn pain_8_a_silent_supervisor_is_reminded_once_and_given_up() {
    let warm = "detect_supervisor_silence = true\nsilence_timeout_seconds = 5";
    let Some(scene) = Ringing::begin(&["--answer"], warm).await else { return };
    scene.worker.recording_says(&scene.id, &["\"play\"", "are you available"]).await;
    let heard = scene.worker.site.path("human-0.wav");
    let worker_log = scene.worker.recording_text(&scene.id);
    assert!(worker_log.contains("Somebody calls about an invoice."), "a human is briefed first");
    scene.comes_back("silent_supervisor").await;
    assert!(!heard.exists() || loud_ms(&read(&heard, 0)) > 1_000);
}
