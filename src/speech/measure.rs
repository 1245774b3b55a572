//! Measurements of the real engines: they print and assert nothing. Run with `--ignored --nocapture`.

use super::tests::{ear, hear, local, say, word_errors, words};
use super::*;
use std::path::{Path, PathBuf};

/// What an assistant says in a day.
const SENTENCES: [&str; 50] = [
    "Hello, this is the front desk.",
    "How can I help you today?",
    "Please type your account number, then press the hash key.",
    "One moment, please, I will look that up.",
    "I will connect you to billing.",
    "Your appointment is on Monday at nine thirty.",
    "We are open from eight in the morning until six in the evening.",
    "I did not understand that, could you say it again?",
    "Thank you for calling, goodbye.",
    "Your order was shipped yesterday.",
    "It should arrive within three business days.",
    "Would you like me to send you a confirmation by email?",
    "I am sorry, nobody in sales is free right now.",
    "Shall I try again, or would you rather leave a message?",
    "Please hold while I transfer your call.",
    "The balance on your account is forty two dollars.",
    "Your payment was received on the first of March.",
    "Can you confirm your date of birth?",
    "I can help you with invoices, deliveries and appointments.",
    "Is there anything else I can do for you?",
    "That number does not look right.",
    "Let me repeat that to make sure I have it right.",
    "You can also visit our website for more information.",
    "The technician will call you before he arrives.",
    "We have rescheduled your visit to Thursday afternoon.",
    "Your password has been reset.",
    "Please check your email for the link.",
    "This call may be recorded for quality and training.",
    "I will make a note of that for my colleagues.",
    "Which department would you like to speak to?",
    "Our address is seventeen Park Street.",
    "You are the next caller in line.",
    "The waiting time is about five minutes.",
    "I have found two orders under your name.",
    "Do you mean the one from last week?",
    "We will refund the full amount.",
    "It takes up to ten days until the money is back on your account.",
    "Could you please spell your last name?",
    "I have updated your telephone number.",
    "Your subscription ends at the end of the month.",
    "Would you like to renew it for another year?",
    "There is an outage in your area at the moment.",
    "Our engineers are working on it.",
    "We expect the service to be back by noon.",
    "I understand, that must be frustrating.",
    "Please restart the router and wait for two minutes.",
    "Is the green light on the front blinking?",
    "Then I will send someone to have a look at it.",
    "You will receive a text message with the details.",
    "Have a nice day.",
];

#[test]
#[ignore = "a measurement of a minute"]
fn intelligibility_of_our_voice_after_the_telephone() {
    let Some(speech) = local() else { return };
    let (handle, heard) = ear(speech, ListenConfig::default());
    let (mut wrong, mut total, mut whole) = (0, 0, 0);
    for sentence in SENTENCES {
        let found = final_words(&hear(&handle, &heard, &say(speech, sentence)));
        let errors = word_errors(&plain(sentence), &plain(&found));
        if errors > 0 {
            eprintln!("{errors} wrong: {sentence:?} was heard as {found:?}");
        }
        whole += usize::from(errors == 0);
        wrong += errors;
        total += words(sentence).len();
    }
    eprintln!("our voice after G.711 µ-law: {wrong} of {total} words wrong, {whole} of {} sentences whole", SENTENCES.len());
}

#[test]
#[ignore = "a measurement that needs recordings: a folder of 8 kHz WAVs with a text beside each"]
fn word_error_rate_on_recordings_of_people() {
    let Some(speech) = local() else { return };
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/recordings");
    let Ok(listing) = std::fs::read_dir(&folder) else {
        eprintln!("SKIPPED: no {}: NAME.wav (8 kHz, mono) and NAME.txt", folder.display());
        return;
    };
    let mut files: Vec<PathBuf> =
        listing.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "wav")).collect();
    files.sort();
    for loss in [0, 1, 5] {
        let (handle, heard) = ear(speech, ListenConfig::default());
        let (mut wrong, mut total) = (0, 0);
        for file in &files {
            let Some((samples, text)) = recording(file) else { continue };
            let found = final_words(&hear(&handle, &heard, &lossy(&super::tests::telephone(&samples), loss)));
            let errors = word_errors(&plain(&text), &plain(&found));
            if errors > 0 && loss == 0 {
                eprintln!("{errors} wrong: {text:?} was heard as {found:?}");
            }
            wrong += errors;
            total += plain(&text).len();
        }
        eprintln!("recordings of people, {loss} % of the packets lost: {wrong} of {total} words wrong, {} files", files.len());
    }
}

fn recording(file: &Path) -> Option<(Vec<i16>, String)> {
    let text = std::fs::read_to_string(file.with_extension("txt")).ok()?;
    let mut wav = hound::WavReader::open(file).ok()?;
    let samples = wav.samples::<i16>().collect::<Result<Vec<i16>, _>>().ok()?;
    Some((samples, text))
}

/// Whole packets of 20 ms are missing, each run of them concealed by silence.
fn lossy(samples: &[i16], percent: u32) -> Vec<i16> {
    let mut state = 7_u32;
    let mut lost = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % 100 < percent
    };
    samples.chunks(160).flat_map(|packet| if lost() { vec![0; packet.len()] } else { packet.to_vec() }).collect()
}

fn final_words(events: &[SpeechEvent]) -> String {
    let finals = events.iter().filter_map(|event| match event {
        SpeechEvent::Final { text, .. } => Some(text.expose().clone()),
        _ => None,
    });
    finals.collect::<Vec<_>>().join(" ")
}

/// Small numbers are written either way.
fn plain(text: &str) -> Vec<String> {
    const NUMBERS: [(&str, &str); 12] = [
        ("9:30", "nine thirty"),
        ("$42", "forty two dollars"),
        ("8", "eight"),
        ("6", "six"),
        ("5", "five"),
        ("2", "two"),
        ("3", "three"),
        ("10", "ten"),
        ("17", "seventeen"),
        ("1st", "first"),
        ("42", "forty two"),
        ("website", "web site"),
    ];
    let mut out = Vec::new();
    for word in text.to_lowercase().replace('-', " ").split_whitespace() {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '$');
        let said = NUMBERS.iter().find(|(written, _)| *written == bare).map_or(bare, |(_, said)| *said);
        out.extend(words(said));
    }
    out
}
