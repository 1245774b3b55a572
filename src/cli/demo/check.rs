//! Did the call go as scripted? Answered from the recording, its replay, the audio, and what the telephones saw.

use crate::call::{Command, Event};
use crate::cli::phone::{Report, Which};
use crate::model::{CallTime, DigitSource, EndCause, Notice};
use crate::replay::{Entry, HostReplay, Recording};
use crate::sip::endpoint::{ReleaseReason, ReleasedBy};
use std::path::Path;

/// Loud samples of a side that was heard: a tenth of a second.
pub(super) const HEARD: u32 = 800;
/// From this amplitude on a sample is loud.
const LOUD: u16 = 400;
/// `4711#`.
const KEYS: usize = 5;

/// Everything that is looked at.
pub(super) struct Evidence<'a> {
    pub(super) recording: &'a Recording,
    pub(super) replay: &'a HostReplay,
    pub(super) caller: &'a Report,
    pub(super) desk: &'a Report,
    pub(super) sound: Option<Sound>,
    /// Where the sound is.
    pub(super) audio: &'a Path,
}

/// Loud samples of each side of a stereo WAV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sound {
    pub(super) left: u32,
    pub(super) right: u32,
}

impl Sound {
    /// `None` while the file is not there, not finished or no stereo.
    pub(super) fn read(path: &Path) -> Option<Self> {
        Self::read_from(path, CallTime::ZERO)
    }

    /// Of what was recorded after `from`.
    pub(super) fn read_from(path: &Path, from: CallTime) -> Option<Self> {
        let bytes = std::fs::metadata(path).ok()?.len();
        let mut wav = hound::WavReader::open(path).ok()?;
        // The writer brings the header up to date when it closes the file.
        let told = u64::from(wav.len()) * 2;
        if wav.spec().channels != 2 || told == 0 || told + 44 < bytes {
            return None;
        }
        let mut sound = Self { left: 0, right: 0 };
        let skipped = usize::try_from(from.millis() * 16).ok()?;
        for (number, sample) in wav.samples::<i16>().enumerate().skip(skipped) {
            let loud = u32::from(sample.ok()?.unsigned_abs() >= LOUD);
            *(if number % 2 == 0 { &mut sound.left } else { &mut sound.right }) += loud;
        }
        Some(sound)
    }
}

/// The replay in one line.
pub(super) fn verdict(replay: &HostReplay) -> String {
    match &replay.difference {
        Some(difference) => format!("DIFFERS: {difference}"),
        None => format!("same: {} events, {} commands over {}", replay.events, replay.commands, replay.length),
    }
}

/// What the script wants and did not happen, in the order it should have.
pub(super) fn missing(evidence: &Evidence<'_>) -> Vec<String> {
    let entries = || evidence.recording.lines.iter().map(|line| &line.entry);
    let event = |wanted: fn(&Event) -> bool| entries().filter(|entry| matches!(entry, Entry::Event(event) if wanted(event))).count();
    let command = |wanted: fn(&Command) -> bool| entries().filter(|entry| matches!(entry, Entry::Command(one) if wanted(one))).count();
    let caller = evidence.caller.line(Which::Dialled);
    let referred = evidence.caller.line(Which::Referred);
    let desk = evidence.desk.line(Which::Incoming);
    let keys = event(|event| matches!(event, Event::DigitPressed { source: DigitSource::Rfc4733, .. }));
    let understood = event(|event| matches!(event, Event::Transcript { .. }));
    let cause = entries().find_map(|entry| match entry {
        Entry::Command(Command::Notify(Notice::CallEnded { cause, .. })) => Some(*cause),
        _ => None,
    });
    let faults: Vec<&String> = evidence.caller.faults.iter().chain(&evidence.desk.faults).collect();
    let wants: [(bool, String); 17] = [
        (caller.is_some_and(|line| line.answered), "the worker answered the caller".to_owned()),
        (command(|command| matches!(command, Command::Play { .. })) >= 4, "the worker spoke its greeting and its questions".to_owned()),
        (caller.is_some_and(|line| line.speeches_heard > 0), "the caller heard the worker speak".to_owned()),
        (
            command(|command| matches!(command, Command::Collecting { settings, .. } if settings.dtmf_enabled)) > 0,
            "the caller was asked for keys".to_owned(),
        ),
        (keys == KEYS, format!("{KEYS} keys by RFC 4733 (there were {keys})")),
        (understood >= 2, format!("two spoken answers understood (there were {understood})")),
        (event(|event| matches!(event, Event::ReferAnswered { status: 202, .. })) == 1, "the REFER was accepted with 202".to_owned()),
        (event(|event| matches!(event, Event::ReferProgress { status: 200, .. })) == 1, "a NOTIFY confirmed the transfer".to_owned()),
        (desk.is_some_and(|line| line.answered), "the billing desk answered".to_owned()),
        (referred.is_some_and(|line| line.speeches_heard > 0), "the caller heard the billing desk".to_owned()),
        (
            desk.is_some_and(|line| line.ended == Some((ReleasedBy::Local, ReleaseReason::Bye))),
            "the billing desk ended its call".to_owned(),
        ),
        (cause == Some(EndCause::Transferred), format!("the call's cause is `transferred` (it is {cause:?})")),
        (
            caller.is_some_and(|line| line.ended == Some((ReleasedBy::Remote, ReleaseReason::Bye))),
            "the worker released the caller with a BYE".to_owned(),
        ),
        (evidence.recording.is_whole(), "the recording is whole".to_owned()),
        (evidence.replay.difference.is_none() && evidence.replay.finished, "the replay is the same to its end".to_owned()),
        (evidence.sound.is_some_and(|sound| sound.left >= HEARD && sound.right >= HEARD), "the audio holds both sides".to_owned()),
        (faults.is_empty(), format!("telephones without faults (there were {faults:?})")),
    ];
    wants.into_iter().filter(|(met, _)| !met).map(|(_, want)| want).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Clock;
    use crate::model::ConversationId;
    use crate::replay::{Header, SCHEMA, host_replay};
    use uuid::Uuid;

    #[test]
    fn of_a_call_that_never_was_everything_is_missing() {
        let header = Header {
            schema: SCHEMA,
            build: String::new(),
            conversation: ConversationId(Uuid::nil()),
            wall: Clock::start().wall(),
            seed: 0,
            settings_digest: String::new(),
            assistant_digest: String::new(),
            assistant: String::new(),
            masked: false,
            sealed: None,
        };
        let recording = Recording { header, lines: Vec::new(), torn: false };
        let (replay, nobody) = (host_replay(&recording), Report::default());
        let evidence =
            Evidence { recording: &recording, replay: &replay, caller: &nobody, desk: &nobody, sound: None, audio: Path::new("") };
        let missing = missing(&evidence);
        assert_eq!(missing.len(), 16, "all but the faults of the telephones: {missing:#?}");
    }

    #[test]
    fn a_side_that_is_silent_in_the_audio_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.wav");
        let spec = hound::WavSpec { channels: 2, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        assert_eq!(Sound::read(&path), None);
        let mut wav = hound::WavWriter::create(&path, spec).unwrap();
        for number in 0..2_000 {
            wav.write_sample(if number % 2 == 0 { -3_000_i16 } else { 20 }).unwrap();
        }
        wav.finalize().unwrap();
        assert_eq!(Sound::read(&path), Some(Sound { left: 1_000, right: 0 }));
    }
}
