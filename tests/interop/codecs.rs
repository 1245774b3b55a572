//! G.722 with phones of two makers: tones of both sides, measured at both ends.

use crate::assistants::DESK;
use crate::phones::{Baresip, PjPhone, long_enough, pjsip};
use crate::sound::{read, tone_ms, write_tone};
use crate::worker::{Setup, Site};

/// The hum of the scripted voice.
const HUM: f64 = 400.0;
const TONE: f64 = 1_000.0;

#[tokio::test]
async fn pjsip_speaks_g722_with_the_worker_and_each_hears_the_other() {
    let Some(python) = pjsip() else { return };
    let site = Site::new(Setup::with("desk", DESK)).await;
    write_tone(&site.path("tone.wav"), TONE, (1, 1), 60);
    let worker = site.start().await;
    let mut caller =
        PjPhone::start(&python, &worker.site, "caller", 0, &["--dial", &worker.uri(), "--codec", "G722", "--play", "tone.wav"]);
    let id = worker.live(1, &["talking"]).await.remove(0);
    caller.state(0, "CONFIRMED").await;
    worker.recording_says(&id, &["playback_ended"]).await;
    caller.order("hold").await;
    worker.recording_says(&id, &["leg_held", "true"]).await;
    caller.order("resume").await;
    worker.recording_says(&id, &["leg_held", "false"]).await;
    caller.order("dtmf 7").await;
    worker.recording_says(&id, &["digit_pressed", "\"7\""]).await;
    long_enough(&worker.site.path("caller-0.wav")).await;
    caller.order("bye").await;
    let (_, recorded) = worker.one_call_ended("participant_left").await;
    assert_eq!(recorded.keys().0, "7", "{}", recorded.story());
    let heard = caller.finish().await;
    assert!(tone_ms(&read(&heard(0), 0), HUM) > 500, "the phone hears the worker");
    assert!(tone_ms(&read(&worker.recording(&id, "wav"), 0), TONE) > 1_000, "the worker hears the phone");
    worker.stop().await;
}

#[tokio::test]
async fn baresip_speaks_g722_with_a_worker_that_prefers_it() {
    let setup = Setup::with("desk", DESK);
    let mut site = Site::new(setup).await;
    site.setup.codecs = "\"G722\", \"PCMA\"".to_owned();
    let tone = site.path("tone.wav");
    write_tone(&tone, TONE, (1, 1), 60);
    let Some(mut caller) = Baresip::start_with(&site, "alice", 4, &tone, "pcmu,g722/16000").await else { return };
    let worker = site.start().await;
    caller.order("dial", &worker.uri()).await;
    let id = worker.live(1, &["talking"]).await.remove(0);
    worker.recording_says(&id, &["playback_ended"]).await;
    caller.order("sndcode", "4").await;
    worker.recording_says(&id, &["digit_pressed", "\"4\""]).await;
    caller.order("hangup", "").await;
    worker.one_call_ended("participant_left").await;
    let log = caller.log();
    let heard = caller.finish().await;
    assert!(log.contains("G722"), "{log}");
    assert!(tone_ms(&read(&heard[0], 0), HUM) > 500, "the phone hears the worker");
    assert!(tone_ms(&read(&worker.recording(&id, "wav"), 0), TONE) > 500, "the worker hears the phone");
    worker.stop().await;
}
