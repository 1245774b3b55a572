//! Did the warm transfer go as scripted?

use super::check::{Evidence, HEARD, Sound};
use crate::call::{Command, Event};
use crate::cli::phone::Which;
use crate::model::{CallTime, EndCause, LegId, Notice};
use crate::replay::{Entry, Line};
use crate::sip::endpoint::{ReleaseReason, ReleasedBy};

/// What the script wants and did not happen, in the order it should have.
pub(super) fn missing(evidence: &Evidence<'_>) -> Vec<String> {
    let lines = &evidence.recording.lines;
    let caller = evidence.caller.line(Which::Dialled);
    let desk = evidence.desk.line(Which::Incoming);
    let music = first(lines, |entry| matches!(entry, Entry::Command(Command::StartHoldMusic { leg: LegId::CALLER })));
    let dialled = first(lines, |entry| matches!(entry, Entry::Command(Command::Dial { .. })));
    let briefed = first(lines, |entry| matches!(entry, Entry::Command(Command::Play { leg, .. }) if *leg != LegId::CALLER));
    let key = first(lines, |entry| matches!(entry, Entry::Event(Event::DigitPressed { leg, .. }) if *leg != LegId::CALLER));
    let joined = first(lines, |entry| matches!(entry, Entry::Event(Event::BridgeUp { .. })));
    let cause = lines.iter().find_map(|line| match &line.entry {
        Entry::Command(Command::Notify(Notice::CallEnded { cause, .. })) => Some(*cause),
        _ => None,
    });
    let together = joined.and_then(|joined| evidence.after(joined));
    let faults: Vec<&String> = evidence.caller.faults.iter().chain(&evidence.desk.faults).collect();
    let wants: [(bool, String); 13] = [
        (caller.is_some_and(|line| line.answered), "the worker answered the caller".to_owned()),
        (music.is_some(), "the caller was on hold with music".to_owned()),
        (dialled.is_some() && desk.is_some_and(|line| line.answered), "the billing desk was called and answered".to_owned()),
        (briefed.is_some(), "the billing desk was briefed".to_owned()),
        (key.is_some() && key > briefed, "the billing desk decided by key".to_owned()),
        (joined.is_some() && joined > key, "both were joined, and packets flowed both ways".to_owned()),
        (together.is_some_and(|sound| sound.right >= HEARD), "the caller heard the billing desk".to_owned()),
        (together.is_some_and(|sound| sound.left >= HEARD), "the billing desk heard the caller".to_owned()),
        (cause == Some(EndCause::Transferred), format!("the call's cause is `transferred` (it is {cause:?})")),
        (
            caller.is_some_and(|line| line.ended == Some((ReleasedBy::Remote, ReleaseReason::Bye))),
            "the worker released the caller when the billing desk hung up".to_owned(),
        ),
        (evidence.recording.is_whole(), "the recording is whole".to_owned()),
        (evidence.replay.difference.is_none() && evidence.replay.finished, "the replay is the same to its end".to_owned()),
        (faults.is_empty(), format!("telephones without faults (there were {faults:?})")),
    ];
    wants.into_iter().filter(|(met, _)| !met).map(|(_, want)| want).collect()
}

fn first(lines: &[Line], wanted: impl Fn(&Entry) -> bool) -> Option<CallTime> {
    lines.iter().find(|line| wanted(&line.entry)).map(|line| line.at)
}

impl Evidence<'_> {
    /// The sound of both sides from then on.
    fn after(&self, from: CallTime) -> Option<Sound> {
        Sound::read_from(self.audio, from)
    }
}
