//! Two telephones on loopback.

use super::*;
use crate::host::Clock;
use crate::model::{Digit, Millis};
use crate::replay::transcript::Step;
use crate::sip::acl::AccessList;
use crate::sip::endpoint::{ReleaseReason, ReleasedBy};
use crate::speech::scripted::ScriptedSynthesizer;
use std::sync::{Arc, Mutex};

type Story = Arc<Mutex<Vec<Happening>>>;

fn phone(name: &str, rtp: (u16, u16), story: &Story) -> Phone {
    let voice = Voice::new(Arc::new(ScriptedSynthesizer::new(100)), 100);
    let local = "127.0.0.1:0".parse().unwrap();
    let config = PhoneConfig { name: name.to_owned(), local, rtp, access: AccessList::default(), voice, clock: Clock::start() };
    let story = Arc::clone(story);
    Phone::start(config, Arc::new(move |happening| story.lock().unwrap().push(happening))).unwrap()
}

fn dial(to: &Phone, steps: Vec<Step>, record: Option<std::path::PathBuf>) -> Plan {
    let to = Callee::read(&to.uri()).unwrap();
    Plan { dial: Some(Dial { to, from: None, steps, record }), timeout: Millis::from_secs(20), ..Plan::default() }
}

fn whats(story: &Story) -> Vec<What> {
    story.lock().unwrap().iter().map(|happening| happening.what.clone()).collect()
}

#[tokio::test]
async fn two_telephones_hear_each_other_and_the_one_whose_script_says_so_hangs_up() {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("call.wav");
    let (mine, theirs) = (Story::default(), Story::default());
    let (caller, callee) = (phone("caller", (28_000, 28_099), &mine), phone("callee", (28_100, 28_199), &theirs));
    let keys = vec![Digit::from_char('1').unwrap(), Digit::from_char('#').unwrap()];
    let steps = vec![Step::Caller("good day to you".to_owned()), Step::Dtmf(keys), Step::Hangup];
    let plan = dial(&callee, steps, Some(wav.clone()));
    // It says hello at once, answers once, and then would wait for ever.
    let answers = vec![Step::Over("hello there".to_owned()), Step::Caller("how are you".to_owned()), Step::Caller("never said".to_owned())];
    let answering = Plan { answer: Some(answers), timeout: Millis::from_secs(20), ..Plan::default() };
    let (called, answered) = tokio::join!(caller.run(plan), callee.run(answering));
    let line = called.line(Which::Dialled).unwrap();
    assert_eq!((line.answered, line.ended, line.steps_left), (true, Some((ReleasedBy::Local, ReleaseReason::Bye)), 0));
    assert_eq!(line.speeches_heard, 2, "{:#?}", whats(&mine));
    assert_eq!((called.timed_out, &called.faults), (false, &Vec::new()));
    let line = answered.line(Which::Incoming).unwrap();
    assert_eq!((line.answered, line.ended, line.steps_left), (true, Some((ReleasedBy::Remote, ReleaseReason::Bye)), 1));
    assert_eq!(line.speeches_heard, 1, "keys are no speech: {:#?}", whats(&theirs));
    assert!(hound::WavReader::open(&wav).unwrap().len() > 16_000, "the recording is finished when the telephone is");
}

#[tokio::test]
async fn a_telephone_that_takes_no_calls_refuses_and_one_whose_time_is_up_hangs_up() {
    let (mine, theirs) = (Story::default(), Story::default());
    let (caller, busy) = (phone("caller", (28_200, 28_299), &mine), phone("busy", (28_300, 28_399), &theirs));
    let plan = dial(&busy, Vec::new(), None);
    let stop = tokio_util::sync::CancellationToken::new();
    let nothing = Plan { stop: stop.clone(), timeout: Millis::from_secs(20), ..Plan::default() };
    let calling = async {
        let report = caller.run(plan).await;
        stop.cancel();
        report
    };
    let (called, _) = tokio::join!(calling, busy.run(nothing));
    assert_eq!(called.line(Which::Dialled).unwrap().ended, Some((ReleasedBy::Remote, ReleaseReason::Rejected { status: 486 })));
    assert!(whats(&mine).contains(&What::Failed { status: 486 }));

    let (caller, callee) = (phone("caller", (28_200, 28_299), &mine), phone("callee", (28_300, 28_399), &theirs));
    let plan = Plan { timeout: Millis(300), ..dial(&callee, Vec::new(), None) };
    let answering = Plan { answer: Some(Vec::new()), timeout: Millis::from_secs(20), ..Plan::default() };
    let (called, _) = tokio::join!(caller.run(plan), callee.run(answering));
    assert!(called.timed_out);
    assert_eq!(called.line(Which::Dialled).unwrap().ended, Some((ReleasedBy::Local, ReleaseReason::Bye)));
}
