//! The real engines together: what the voice says, through the telephone, into the ear.

use super::*;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const CALLER: [(&str, &str); 12] = [
    ("Hello, I have a question about my last invoice.", ""),
    ("My order number is four five seven two nine.", "my order number is 45729"),
    ("I would like to speak to a human, please.", ""),
    ("Can you tell me when you are open on Saturday?", ""),
    ("Yes, that is correct.", ""),
    ("No, thank you, that was everything.", ""),
    ("I want to cancel my appointment on Monday morning.", ""),
    ("Could you repeat that, please?", ""),
    ("My internet connection has been down since yesterday.", ""),
    ("Please transfer me to the sales department.", ""),
    ("I forgot my password and cannot log in.", ""),
    ("The delivery address is seventeen Park Street.", "the delivery address is 17 park street"),
];

/// The models beside the checkout, loaded once for all tests; `None` with the reason printed where they are not there.
pub(super) fn local() -> Option<&'static Speech> {
    static LOCAL: OnceLock<Result<Speech, SpeechError>> = OnceLock::new();
    let models = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models");
    let loaded = LOCAL.get_or_init(|| Speech::local(&LocalConfig { models, cores: 2, cache_bytes: 4_000_000 }));
    match loaded {
        Ok(speech) => Some(speech),
        Err(reason) => {
            #[expect(
                clippy::disallowed_methods,
                reason = "in continuous integration the models are there, and a skipped test is a failed one"
            )]
            let must = std::env::var_os("CI").is_some();
            assert!(!must, "{reason}");
            eprintln!("SKIPPED: {reason}");
            None
        }
    }
}

pub(super) fn ear(speech: &Speech, config: ListenConfig) -> (ListenHandle, Receiver<SpeechEvent>) {
    let (events, heard) = sync_channel(1_000);
    let sink: EventSink = Arc::new(move |event| drop(events.try_send(event)));
    (speech.recognizer.listen(config, sink).unwrap(), heard)
}

/// As G.711 µ-law carries it.
pub(super) fn telephone(samples: &[i16]) -> Vec<i16> {
    use audio_codec::pcmu::{PcmuDecoder, PcmuEncoder};
    use audio_codec::{Decoder, Encoder};
    let wire = PcmuEncoder::new().encode(samples);
    PcmuDecoder::new().decode(&wire)
}

pub(super) fn say(speech: &Speech, text: &str) -> Vec<i16> {
    telephone(&speech.synthesizer.speak(SpeakRequest::plain(text)).unwrap().blocking_all().unwrap())
}

/// Pushes no faster than the ear reads.
fn push(handle: &ListenHandle, samples: &[i16]) {
    for part in samples.chunks(4_000) {
        handle.push(part);
        while handle.waiting() > 0 {
            std::thread::yield_now();
        }
    }
}

/// Says something and waits for the utterance's last event.
pub(super) fn hear(handle: &ListenHandle, heard: &Receiver<SpeechEvent>, samples: &[i16]) -> Vec<SpeechEvent> {
    push(handle, samples);
    push(handle, &[0; 8_000]);
    let mut events = Vec::new();
    while let Ok(event) = heard.recv_timeout(Duration::from_secs(30)) {
        let last = matches!(event, SpeechEvent::Final { .. } | SpeechEvent::NoWords | SpeechEvent::Failed { .. });
        events.push(event);
        if last {
            break;
        }
    }
    events
}

pub(super) fn words(text: &str) -> Vec<String> {
    let plain: String = text.to_lowercase().chars().filter(|letter| letter.is_alphanumeric() || letter.is_whitespace()).collect();
    plain.split_whitespace().map(str::to_owned).collect()
}

/// Substitutions, insertions and deletions between what was said and what was heard.
pub(super) fn word_errors(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (index, word) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 0..heard.len() {
            let substituted = diagonal + usize::from(*word != heard[column]);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[heard.len()]
}

#[test]
fn what_the_voice_says_on_the_telephone_the_ear_understands() {
    let Some(speech) = local() else { return };
    let (handle, heard) = ear(speech, ListenConfig::default());
    let (mut errors, mut total) = (0, 0);
    for (said, written) in CALLER {
        let events = hear(&handle, &heard, &say(speech, said));
        let found = words(
            &events
                .iter()
                .filter_map(|event| match event {
                    SpeechEvent::Final { text, .. } => Some(text.expose().as_str()),
                    _ => None,
                })
                .collect::<Vec<_>>()
                .join(" "),
        );
        let expected = words(if written.is_empty() { said } else { written });
        let wrong = word_errors(&expected, &found);
        eprintln!("{wrong} wrong of {}: {found:?}", expected.len());
        errors += wrong;
        total += expected.len();
        let shape = [&events[0], &events[events.len() - 2]];
        assert_eq!(shape, [&SpeechEvent::SpeechStarted, &SpeechEvent::SpeechEnded], "{events:?}");
    }
    eprintln!("word error rate: {errors} of {total}");
    assert!(errors * 100 <= total * 6, "{errors} of {total} words wrong, at most 6 % were measured when this was built");
}

#[test]
fn noise_a_hum_and_a_ringing_tone_are_never_words() {
    let Some(speech) = local() else { return };
    let (handle, heard) = ear(speech, ListenConfig::default());
    let mut random = 1_u32;
    let mut hiss = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i16::try_from(random >> 20).unwrap_or(0) - 2_048
    };
    let noise: Vec<i16> = (0..12_000).map(|_| hiss()).collect();
    let tone = |hertz: f32, n: u16| (6_000.0 * (std::f32::consts::TAU * hertz * f32::from(n) / 8_000.0).sin()) as i16;
    let hum: Vec<i16> = (0..12_000).map(|n| tone(50.0, n)).collect();
    let ringing: Vec<i16> = (0..24_000).map(|n| if n % 12_000 < 8_000 { tone(440.0, n) / 2 + tone(480.0, n) / 2 } else { 0 }).collect();
    for sound in [noise, hum, ringing] {
        push(&handle, &[0; 8_000]);
        push(&handle, &telephone(&sound));
    }
    push(&handle, &[0; 8_000]);
    push(&handle, &say(speech, "Yes, that is correct."));
    push(&handle, &[0; 8_000]);
    let first = std::iter::from_fn(|| heard.recv_timeout(Duration::from_secs(30)).ok()).find_map(|event| match event {
        SpeechEvent::Final { text, .. } => Some(text.into_exposed()),
        _ => None,
    });
    assert_eq!(first.as_deref().map(words).unwrap_or_default(), ["yes", "that", "is", "correct"]);
}

#[test]
fn a_long_text_comes_sentence_by_sentence_and_lets_another_call_in_between() {
    let Some(speech) = local() else { return };
    let voice = &speech.synthesizer;
    let mut long = voice.speak(SpeakRequest::plain("This is one sentence of many, is it not? ".repeat(40))).unwrap();
    let mut pieces = 0;
    let short = voice.speak(SpeakRequest::plain("Hold on.")).unwrap().blocking_all().unwrap();
    assert!(!short.is_empty());
    while let Some(piece) = long.blocking_next() {
        assert!(!piece.unwrap().is_empty());
        pieces += 1;
    }
    assert_eq!(pieces, 40);
}

#[test]
fn the_same_sentence_has_the_same_samples_and_a_faster_one_fewer() {
    let Some(speech) = local() else { return };
    let state = models::check(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models"));
    let fresh = LocalSynthesizer::start(&models::ModelPaths::of(&state).unwrap(), 1).unwrap();
    let text = "Thank you for calling.";
    let once = fresh.speak(SpeakRequest::plain(text)).unwrap().blocking_all().unwrap();
    let again = speech.synthesizer.speak(SpeakRequest::plain(text)).unwrap().blocking_all().unwrap();
    assert_eq!(once, again);
    let fast = fresh.speak(SpeakRequest { speed_percent: 150, ..SpeakRequest::plain(text) }).unwrap().blocking_all().unwrap();
    assert!(fast.len() * 5 < once.len() * 4, "{} against {}", fast.len(), once.len());
}

#[test]
fn a_word_no_dictionary_has_is_still_spoken() {
    let Some(speech) = local() else { return };
    let name = say(speech, "Zyxovarian Qwandle.");
    assert!(name.len() > 6_000, "{} samples", name.len());
    assert!(say(speech, "*** !!! …").is_empty());
}

#[test]
fn a_stopped_voice_and_a_stopped_ear_say_so() {
    let Some(_) = local() else { return };
    let state = models::check(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models"));
    let paths = models::ModelPaths::of(&state).unwrap();
    let voice = LocalSynthesizer::start(&paths, 1).unwrap();
    let waiting = voice.speak(SpeakRequest::plain("This is a sentence. ".repeat(40))).unwrap();
    drop(voice);
    assert_eq!(waiting.blocking_all(), Err(SpeechError::Stopped));

    let recognizer = LocalRecognizer::start(&paths, 1).unwrap();
    let (events, heard) = sync_channel(10);
    let handle = recognizer.listen(ListenConfig::default(), Arc::new(move |event| drop(events.try_send(event)))).unwrap();
    drop(recognizer);
    assert_eq!(heard.recv_timeout(Duration::from_secs(30)), Ok(SpeechEvent::Failed { error: SpeechError::Stopped }));
    handle.push(&[0; 160]);
}

#[test]
fn what_the_engines_cannot_do_is_refused_at_once() {
    let Some(speech) = local() else { return };
    let strange = SpeakRequest { voice: Some("nobody".to_owned()), ..SpeakRequest::plain("a") };
    assert!(matches!(speech.synthesizer.speak(strange), Err(SpeechError::UnknownVoice { .. })));
    let german = ListenConfig { language: Some("de-DE".to_owned()), ..ListenConfig::default() };
    assert!(matches!(speech.recognizer.listen(german, Arc::new(|_| {})), Err(SpeechError::UnsupportedLanguage { .. })));
    let english = ListenConfig {
        language: Some("en-GB".to_owned()),
        expectation: Expectation { kind: Expected::Choice, hints: vec!["Zyx\0ova".into()] },
        ..ListenConfig::default()
    };
    assert!(speech.recognizer.listen(english, Arc::new(|_| {})).is_ok());
}

#[test]
fn a_worker_without_models_starts_deaf_and_mute_and_says_how_to_help_it() {
    let empty = tempfile::tempdir().unwrap();
    let speech = Speech::local_or_unavailable(&LocalConfig { models: empty.path().to_owned(), cores: 1, cache_bytes: 0 });
    let SpeechState::Unavailable { why } = speech.state() else { panic!("{speech:?}") };
    assert!(why.contains("hibari/hibari.onnx") && why.contains("make models"), "{why}");
    assert!(matches!(speech.synthesizer.speak(SpeakRequest::plain("a")), Err(SpeechError::Unavailable { .. })));
    assert!(matches!(speech.recognizer.listen(ListenConfig::default(), Arc::new(|_| {})), Err(SpeechError::Unavailable { .. })));
}
