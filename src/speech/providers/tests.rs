//! Each adapter against a peer of ours that speaks the documented shapes, and its faults.

use super::dialect::{EarDialect, VoiceDialect};
use super::ear::CloudRecognizer;
use super::peer::{Act, Peer};
use super::*;
use crate::model::{Millis, Redacted};
use crate::speech::ear::turn::{FRAME, VoiceDetector};
use crate::speech::{Endpointing, Expectation, Expected, ListenConfig, ListenHandle, Pcm, SpeakRequest, SpeechEvent, SpeechStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

const KEY: &str = "secret-key";
const QUICK: Timing = Timing {
    connect: Duration::from_millis(1_000),
    answer: Duration::from_millis(400),
    silent: Duration::from_millis(1_000),
    keep_alive: Duration::from_millis(100),
    attempts: 2,
};

/// Loud is voice.
struct Level;

impl VoiceDetector for Level {
    fn is_voice(&mut self, frame: &[i16; FRAME], _: bool) -> bool {
        frame[0] > 100
    }
}

fn spawner() -> Spawner {
    let runtime = tokio::runtime::Handle::current();
    Arc::new(move |_, task| drop(runtime.spawn(task)))
}

fn config(peer: &Peer) -> ProviderConfig {
    ProviderConfig { key: KEY.into(), url: Some(peer.url.clone()), ..ProviderConfig::default() }
}

struct Call {
    handle: ListenHandle,
    heard: Receiver<SpeechEvent>,
}

fn listen(dialect: Arc<dyn EarDialect>, expectation: Expectation) -> Call {
    let ear = CloudRecognizer::new("test", dialect, QUICK, spawner()).detecting(|| Box::new(Level));
    let (events, heard) = sync_channel(100);
    let listening =
        ListenConfig { endpointing: Endpointing { dangling: Millis(3_000), ..Endpointing::default() }, expectation, language: None };
    let handle = ear.listen(listening, Arc::new(move |event| drop(events.try_send(event)))).unwrap();
    Call { handle, heard }
}

impl Call {
    /// Pushes as a leg does, never more than the ear has read.
    fn push(&self, voice: bool, ms: usize) {
        for _ in 0..ms / 16 {
            self.handle.push(&[if voice { 1_000 } else { 0 }; FRAME]);
        }
    }

    /// Says something and keeps pushing silence until an utterance ended in words, without them, or in failure.
    fn say(&self) -> Vec<SpeechEvent> {
        self.push(true, 480);
        let mut events = Vec::new();
        for _ in 0..400 {
            self.push(false, 16);
            while let Ok(event) = self.heard.recv_timeout(Duration::from_millis(8)) {
                let last = matches!(event, SpeechEvent::Final { .. } | SpeechEvent::NoWords | SpeechEvent::Failed { .. });
                events.push(event);
                if last {
                    return events;
                }
            }
        }
        panic!("nothing came of it: {events:?}")
    }
}

fn words(events: &[SpeechEvent]) -> String {
    match events.last() {
        Some(SpeechEvent::Final { text, .. }) => text.expose().clone(),
        other => panic!("no words but {other:?}"),
    }
}

fn fault(events: &[SpeechEvent]) -> ProviderFault {
    match events.last() {
        Some(SpeechEvent::Failed { error: SpeechError::Provider { fault, provider: "test" } }) => fault.clone(),
        other => panic!("no fault but {other:?}"),
    }
}

fn results(text: &str, is_final: bool, finalized: bool) -> Act {
    Act::Say(format!(
        r#"{{"type":"Results","channel_index":[0,1],"is_final":{is_final},"speech_final":false,"from_finalize":{finalized},"channel":{{"alternatives":[{{"transcript":"{text}","confidence":0.9,"words":[]}}]}}}}"#
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn deepgram_listens_to_mulaw_and_gives_the_words_of_each_pause() {
    let peer = Peer::start(vec![vec![
        Act::Hear(3_000),
        results("my order", false, false),
        Act::Expect("Finalize"),
        results("My order is late.", true, false),
        results("", true, true),
    ]])
    .await;
    let hints = Expectation { kind: Expected::Anything, hints: vec!["Zyx & Co".into()] };
    let call = listen(Arc::new(deepgram::Listen(config(&peer))), hints);
    let events = call.say();
    assert_eq!(words(&events), "My order is late.");
    assert_eq!([&events[0], &events[events.len() - 2]], [&SpeechEvent::SpeechStarted, &SpeechEvent::SpeechEnded]);
    let request = &peer.seen().requests[0];
    for part in ["/v1/listen?model=nova-3", "encoding=mulaw&sample_rate=8000", "keyterm=Zyx%20%26%20Co", "Token secret-key"] {
        assert!(request.contains(part), "{request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn elevenlabs_is_committed_in_the_pause_and_digits_arrive_as_digits() {
    let peer = Peer::start(vec![vec![
        Act::Say(r#"{"message_type":"session_started","session_id":"s","config":{}}"#.to_owned()),
        Act::Expect(r#""commit":true"#),
        Act::Say(r#"{"message_type":"partial_transcript","text":"four five"}"#.to_owned()),
        Act::Say(r#"{"message_type":"committed_transcript","text":"four five seven two"}"#.to_owned()),
        Act::Say(r#"{"message_type":"committed_transcript_with_timestamps","text":"four five seven two","words":[]}"#.to_owned()),
    ]])
    .await;
    let digits = Expectation { kind: Expected::Digits { min: 4, max: 4 }, hints: Vec::new() };
    let events = listen(Arc::new(elevenlabs::Scribe(config(&peer))), digits).say();
    assert_eq!(words(&events), "4572");
    let seen = peer.seen();
    assert!(seen.requests[0].contains("audio_format=ulaw_8000&commit_strategy=manual") && seen.requests[0].ends_with(KEY), "{seen:?}");
    assert!(seen.texts.iter().any(|text| text.contains(r#""audio_base_64":""#) && text.contains(r#""sample_rate":8000"#)));
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_transcribes_pcmu_that_we_commit() {
    let peer = Peer::start(vec![vec![
        Act::Say(r#"{"type":"session.created","session":{}}"#.to_owned()),
        Act::Expect("session.update"),
        Act::Expect("input_audio_buffer.append"),
        Act::Expect("input_audio_buffer.commit"),
        Act::Say(r#"{"type":"input_audio_buffer.committed","item_id":"i"}"#.to_owned()),
        Act::Say(r#"{"type":"conversation.item.input_audio_transcription.delta","item_id":"i","delta":"Yes, "}"#.to_owned()),
        Act::Say(
            r#"{"type":"conversation.item.input_audio_transcription.completed","item_id":"i","transcript":"Yes, please."}"#.to_owned(),
        ),
    ]])
    .await;
    let hints = Expectation { kind: Expected::Choice, hints: vec!["billing".into()] };
    let events = listen(Arc::new(openai::Realtime(config(&peer))), hints).say();
    assert_eq!(words(&events), "Yes, please.");
    let seen = peer.seen();
    let update = seen.texts.iter().find(|text| text.contains("session.update")).unwrap();
    for part in [r#""type":"transcription""#, r#""type":"audio/pcmu""#, r#""turn_detection":null"#, r#""prompt":"billing""#] {
        assert!(update.contains(part), "{update}");
    }
    assert!(seen.requests[0].contains("intent=transcription Bearer secret-key"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn flux_takes_turns_itself_and_hears_silence_too() {
    let turn = |event: &str, text: &str| {
        Act::Say(format!(r#"{{"type":"TurnInfo","event":"{event}","turn_index":0,"transcript":"{text}","end_of_turn_confidence":0.8}}"#))
    };
    let peer = Peer::start(vec![vec![
        Act::Say(r#"{"type":"Connected","request_id":"r","sequence_id":0}"#.to_owned()),
        Act::Hear(1_000),
        turn("StartOfTurn", "I"),
        turn("Update", "I would"),
        turn("EagerEndOfTurn", "I would"),
        turn("TurnResumed", "I would"),
        Act::Hear(3_000),
        turn("EndOfTurn", "I would like to book."),
    ]])
    .await;
    let events = listen(Arc::new(deepgram::Flux(config(&peer))), Expectation::default()).say();
    assert_eq!(words(&events), "I would like to book.");
    assert_eq!([&events[0], &events[events.len() - 2]], [&SpeechEvent::SpeechStarted, &SpeechEvent::SpeechEnded]);
    assert!(peer.seen().requests[0].contains("/v2/listen?model=flux-general-en"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_made_anew_and_the_audio_is_sent_again() {
    for breaks in [Act::Close(1_011), Act::Drop, Act::Say("{not json".to_owned()), Act::Hang] {
        let first = vec![Act::Hear(3_000), Act::Expect("Finalize"), breaks.clone()];
        let again = vec![Act::Hear(3_000), Act::Expect("Finalize"), results("Kept.", true, true)];
        let peer = Peer::start(vec![first, again]).await;
        let events = listen(Arc::new(deepgram::Listen(config(&peer))), Expectation::default()).say();
        assert_eq!(words(&events), "Kept.", "after {breaks:?}");
        assert_eq!(events.iter().filter(|event| **event == SpeechEvent::SpeechStarted).count(), 1);
        assert_eq!(peer.seen().requests.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_not_tried_twice_and_is_in_no_message() {
    let peer = Peer::start(vec![vec![Act::Refuse(401)]]).await;
    let events = listen(Arc::new(deepgram::Listen(config(&peer))), Expectation::default()).say();
    let refused = fault(&events);
    assert_eq!(refused, ProviderFault::Refused { status: 401 });
    assert!(!format!("{events:?} {refused} {:?}", config(&peer)).contains(KEY));
    assert_eq!(peer.seen().requests.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_stays_silent_or_talks_nonsense_fails_in_bounded_time_with_its_reason() {
    let mute = || vec![Act::Expect("Finalize"), Act::Expect("never")];
    let peer = Peer::start(vec![mute(), mute()]).await;
    let events = listen(Arc::new(deepgram::Listen(config(&peer))), Expectation::default()).say();
    assert_eq!(fault(&events), ProviderFault::Stalled { millis: 400 });
    let half_open = Peer::start(vec![vec![Act::Hang], vec![Act::Hang]]).await;
    let call = listen(Arc::new(deepgram::Listen(config(&half_open))), Expectation::default());
    let event = call.heard.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(fault(&[event]), ProviderFault::Stalled { millis: 1_000 });
    let nonsense = || vec![Act::Say(r#"{"type":"Fish"}"#.to_owned())];
    let odd = Peer::start(vec![nonsense(), nonsense()]).await;
    let event =
        listen(Arc::new(deepgram::Listen(config(&odd))), Expectation::default()).heard.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(fault(&[event]), ProviderFault::Garbage);
    let quota =
        Peer::start(vec![vec![Act::Say(r#"{"message_type":"quota_exceeded","error":"key secret-key has no credits"}"#.to_owned())]]).await;
    let event =
        listen(Arc::new(elevenlabs::Scribe(config(&quota))), Expectation::default()).heard.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(fault(&[event]), ProviderFault::Reported { code: "quota_exceeded".to_owned() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_connection_is_kept_alive_and_ends_with_a_goodbye() {
    let peer = Peer::start(vec![vec![
        Act::Expect("KeepAlive"),
        Act::Expect("KeepAlive"),
        results("so far", false, false),
        Act::Expect("CloseStream"),
    ]])
    .await;
    let call = listen(Arc::new(deepgram::Listen(config(&peer))), Expectation::default());
    let seen = Arc::clone(&peer.seen);
    while seen.lock().unwrap().texts.len() < 2 {
        tokio::task::yield_now().await;
    }
    drop(call.handle);
    while !seen.lock().unwrap().texts.iter().any(|text| text.contains("CloseStream")) {
        tokio::task::yield_now().await;
    }
}

fn speak(dialect: Arc<dyn VoiceDialect>, text: &str) -> SpeechStream {
    CloudSynthesizer::new("test", dialect, QUICK, spawner()).speak(SpeakRequest::plain(text)).unwrap()
}

async fn all(mut stream: SpeechStream) -> Result<Vec<Pcm>, SpeechError> {
    let mut pieces = Vec::new();
    while let Some(piece) = stream.next().await {
        pieces.push(piece?);
    }
    Ok(pieces)
}

#[tokio::test(flavor = "multi_thread")]
async fn deepgram_speaks_mulaw_and_is_cleared_when_the_caller_interrupts() {
    let script = vec![
        Act::Expect("Hello"),
        Act::Expect("Flush"),
        Act::Send(vec![0x80; 320]),
        Act::Say(r#"{"type":"Flushed","sequence_id":0}"#.to_owned()),
    ];
    let cut = vec![Act::Expect("Flush"), Act::Send(vec![0x80; 320]), Act::Expect("Clear")];
    let peer = Peer::start(vec![script, cut]).await;
    let dialect: Arc<dyn VoiceDialect> = Arc::new(deepgram::Speak(config(&peer)));
    let pieces = all(speak(Arc::clone(&dialect), "Hello [acme](/x/).")).await.unwrap();
    assert_eq!((pieces.len(), pieces[0].len(), pieces[0][0]), (1, 320, 32_124));
    assert!(peer.seen().texts[0].contains("Hello acme."), "phonemes are for voices that read them");
    let mut stream = speak(dialect, "A long story.");
    assert!(stream.next().await.is_some());
    drop(stream);
    while !peer.seen().texts.iter().any(|text| text.contains("Clear")) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn elevenlabs_speaks_base64_mulaw() {
    let audio = base64::encode(&[0xff; 160]);
    let peer = Peer::start(vec![vec![
        Act::Expect(r#""text":" ""#),
        Act::Expect(r#""flush":true"#),
        Act::Expect(r#""text":"""#),
        Act::Say(format!(r#"{{"audio":"{audio}","alignment":null,"normalizedAlignment":null,"isFinal":null}}"#)),
        Act::Say(r#"{"isFinal":true}"#.to_owned()),
    ]])
    .await;
    let pieces = all(speak(Arc::new(elevenlabs::StreamInput(config(&peer))), "Hello there.")).await.unwrap();
    assert_eq!((pieces.len(), pieces[0].len()), (1, 160));
    assert!(peer.seen().requests[0].contains("/stream-input?model_id=eleven_flash_v2_5&output_format=ulaw_8000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_that_fails_says_why_in_bounded_time() {
    let table = [
        (vec![Act::Refuse(403)], ProviderFault::Refused { status: 403 }),
        (vec![Act::Refuse(503)], ProviderFault::Connect { why: "HTTP 503".to_owned() }),
        (vec![Act::Expect("Flush"), Act::Hang], ProviderFault::Stalled { millis: 400 }),
        (vec![Act::Expect("Flush"), Act::Send(vec![1; 8]), Act::Hang], ProviderFault::Stalled { millis: 400 }),
        (vec![Act::Expect("Flush"), Act::Close(1_011)], ProviderFault::Closed { code: 1_011 }),
        (vec![Act::Expect("Flush"), Act::Say("<html>".to_owned())], ProviderFault::Garbage),
        (vec![Act::Expect("Flush"), Act::Say(r#"{"type":"Flushed"}"#.to_owned())], ProviderFault::Garbage),
    ];
    for (script, expected) in table {
        let peer = Peer::start(vec![script]).await;
        let failed = all(speak(Arc::new(deepgram::Speak(config(&peer))), "Hello.")).await;
        assert_eq!(failed, Err(SpeechError::Provider { provider: "test", fault: expected }));
    }
}

/// One HTTP answer: head, then the body in pieces.
async fn web(head: &'static str, body: Vec<u8>) -> (ProviderConfig, Arc<std::sync::Mutex<String>>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Some(format!("http://{}", listener.local_addr().unwrap()));
    let asked: Arc<std::sync::Mutex<String>> = Arc::default();
    let noted = Arc::clone(&asked);
    tokio::runtime::Handle::current().spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4_096];
        let read = stream.read(&mut request).await.unwrap();
        *noted.lock().unwrap() = String::from_utf8_lossy(&request[..read]).into_owned();
        stream.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes()).await.unwrap();
        for piece in body.chunks(4_801) {
            stream.write_all(piece).await.unwrap();
            stream.flush().await.unwrap();
        }
    });
    (ProviderConfig { key: Redacted::new(KEY.to_owned()), url, ..ProviderConfig::default() }, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_imitates_openai_speaks_over_http() {
    let sound: Vec<u8> = (0..24_000_i32).flat_map(|at| ((at % 100 * 80) as i16).to_le_bytes()).collect();
    let (config, asked) = web("200 OK\r\nConnection: close", sound).await;
    let voice = HttpSynthesizer::new(config, QUICK, spawner()).unwrap();
    let pieces = all(voice.speak(SpeakRequest { speed_percent: 120, ..SpeakRequest::plain("Hello.") }).unwrap()).await.unwrap();
    let samples: usize = pieces.iter().map(|piece| piece.len()).sum();
    assert!((7_900..=8_000).contains(&samples), "{samples}");
    let asked = asked.lock().unwrap().clone();
    for part in ["POST /v1/audio/speech", "Bearer secret-key", r#""response_format":"pcm""#, r#""speed":1.2"#, r#""input":"Hello.""#] {
        assert!(asked.to_lowercase().contains(&part.to_lowercase()), "{asked}");
    }
    let (config, _) = web("401 Unauthorized\r\nContent-Length: 0", Vec::new()).await;
    let refused = all(HttpSynthesizer::new(config, QUICK, spawner()).unwrap().speak(SpeakRequest::plain("Hello.")).unwrap()).await;
    assert_eq!(refused, Err(SpeechError::Provider { provider: "openai", fault: ProviderFault::Refused { status: 401 } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_speaks_with_whoever_works_and_says_what_is_lacking() {
    use crate::speech::{EarSource, LocalConfig, Speech, SpeechPlan, SpeechState, VoiceSource};
    let spoken = vec![Act::Expect("Flush"), Act::Send(vec![0x80; 320]), Act::Say(r#"{"type":"Flushed"}"#.to_owned())];
    let (dead, works) = (Peer::start(vec![vec![Act::Refuse(401)]]).await, Peer::start(vec![spoken]).await);
    let empty = tempfile::tempdir().unwrap();
    let local = LocalConfig { models: empty.path().to_owned(), cores: 1, cache_bytes: 1 << 20 };
    let voice =
        |name: &str, peer: &Peer| VoiceSource::Provider { name: name.to_owned(), vendor: VoiceVendor::Deepgram, account: config(peer) };
    let ear = EarSource::Provider { name: "works".to_owned(), vendor: EarVendor::Deepgram, account: config(&works) };
    let plan = SpeechPlan {
        recognizers: vec![ear, EarSource::Local],
        synthesizers: vec![voice("dead", &dead), voice("works", &works), VoiceSource::Local],
        timing: QUICK,
        ..SpeechPlan::local(local.clone())
    };
    let clock: crate::speech::Clock = Arc::new(|| crate::model::WorkerTime::ZERO);
    let speech = Speech::planned(plan.clone(), &spawner(), &clock).unwrap();
    let SpeechState::Providers { lacking: Some(why) } = speech.state() else { panic!("{speech:?}") };
    assert!(why.contains("make models"), "{why}");
    let pieces = all(speech.synthesizer.speak(SpeakRequest::plain("Hello.")).unwrap()).await.unwrap();
    assert_eq!(pieces[0].len(), 320);
    assert_eq!(dead.seen().requests.len(), 1, "the first of the list was tried first");
    let deaf = SpeechPlan { recognizers: vec![EarSource::Local], ..plan };
    let speech = Speech::planned(deaf, &spawner(), &clock).unwrap();
    assert!(matches!(speech.state(), SpeechState::Unavailable { .. }), "nobody would hear");
}
