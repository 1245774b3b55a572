//! Attended transfer by the worker: after the consult the caller's telephone takes the worker's place (REFER with Replaces).

use crate::assistants::warm_switchboard;
use crate::phones::{PjPhone, long_enough, pjsip};
use crate::sound::{read, tone_ms};
use crate::warm::{CALLER, HUMAN, tones, two_worlds};
use crate::worker::{Setup, Site};
use serde_json::json;

#[tokio::test]
async fn after_the_consult_the_caller_replaces_the_worker_and_the_worker_leaves_the_path() {
    let Some(python) = pjsip() else { return };
    let mut site = Site::new(Setup::with("desk", "")).await;
    tones(&site);
    let mut human = PjPhone::start(&python, &site, "human", 4, &["--answer", "--play", "human-tone.wav"]);
    human.event("ready", &[]).await;
    site.setup = Setup::with("desk", warm_switchboard(&human.uri, &[], ""));
    site.setup.trunk = "replaces = true".to_owned();
    let worker = site.start().await;
    let caller = PjPhone::start(&python, &worker.site, "caller", 0, &["--dial", &worker.uri(), "--play", "caller-tone.wav"]);
    let id = worker.live(1, &["talking", "transferring", "consulting"]).await.remove(0);
    worker.recording_says(&id, &["\"play\"", "\"leg\":1"]).await;
    human.order("dtmf 1").await;
    let refer = caller.event("refer-in", &[("call", json!(0))]).await;
    assert!(refer["to"].as_str().is_some_and(|to| to.contains("Replaces=") && to.contains("Require=replaces")), "{refer}");
    // The supervisor's telephone takes the new call in place of the consult and hangs up the latter.
    human.event("replaced", &[("call", json!(0)), ("new", json!(1))]).await;
    human.state(0, "DISCONNECTED").await;
    caller.state(1, "CONFIRMED").await;
    let (_, recorded) = worker.one_call_ended("transferred").await;
    assert_eq!(recorded.commands("refer_replacing").len(), 1, "{}", recorded.story());
    assert_eq!(recorded.commands("bridge").len(), 0, "{}", recorded.story());
    // They talk without the worker.
    long_enough(&worker.site.path("human-1.wav")).await;
    let heard_by_caller = caller.finish().await;
    let heard_by_human = human.finish().await;
    two_worlds(&read(&heard_by_caller(0), 0), &read(&heard_by_human(0), 0));
    assert!(tone_ms(&read(&heard_by_caller(1), 0), HUMAN) > 500, "the caller hears the supervisor");
    assert!(tone_ms(&read(&heard_by_human(1), 0), CALLER) > 500, "the supervisor hears the caller");
    worker.stop().await;
}
