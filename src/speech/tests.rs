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
fn local() -> Option<&'static Speech> {
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

fn ear(speech: &Speech, config: ListenConfig) -> (ListenHandle, Receiver<SpeechEvent>) {
    let (events, heard) = sync_channel(1_000);
    let sink: EventSink = Arc::new(move |event| drop(events.try_send(event)));
    (speech.recognizer.listen(config, sink).unwrap(), heard)
}

/// As G.711 µ-law carries it.
fn telephone(samples: &[i16]) -> Vec<i16> {
    use audio_codec::pcmu::{PcmuDecoder, PcmuEncoder};
    use audio_codec::{Decoder, Encoder};
    let wire = PcmuEncoder::new().encode(samples);
    PcmuDecoder::new().decode(&wire)
}

fn say(speech: &Speech, text: &str) -> Vec<i16> {
    telephone(&speech.synthesizer.speak(SpeakRequest::plain(text)).unwrap().blocking_all().unwrap())
}

/// Pushes no faster than the ear reads, then waits for the utterance's last event.
fn hear(handle: &ListenHandle, heard: &Receiver<SpeechEvent>, samples: &[i16]) -> Vec<SpeechEvent> {
    let silence = vec![0; 8_000];
    for second in samples.chunks(4_000).chain(silence.chunks(4_000)) {
        handle.push(second);
        while handle.waiting() > 0 {
            std::thread::yield_now();
        }
    }
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

fn words(text: &str) -> Vec<String> {
    let plain: String = text.to_lowercase().chars().filter(|letter| letter.is_alphanumeric() || letter.is_whitespace()).collect();
    plain.split_whitespace().map(str::to_owned).collect()
}

/// Substitutions, insertions and deletions between what was said and what was heard.
fn word_errors(said: &[String], heard: &[String]) -> usize {
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
