//! Tests of playout.

use super::*;

fn audio(frames: usize) -> Arc<[i16]> {
    vec![1_000; frames * FRAME].into()
}

fn ended(facts: &VecDeque<MediaFact>) -> Vec<(u32, u64, Option<u64>, bool)> {
    let mut reports = Vec::new();
    for fact in facts {
        if let MediaFact::PlaybackEnded { utterance, report } = fact {
            reports.push((utterance.0, report.heard.0, report.total.map(|total| total.0), report.cut));
        }
    }
    reports
}

#[test]
fn utterances_play_in_order_and_report_what_left() {
    let (mut playout, mut facts, mut frame) = (Playout::new(Millis(60_000)), VecDeque::new(), [0; FRAME]);
    playout.enqueue(UtteranceId(1), audio(2), false).unwrap();
    playout.enqueue(UtteranceId(2), audio(1), true).unwrap();
    playout.enqueue(UtteranceId(1), vec![7; 40].into(), true).unwrap();
    let frames = (0..10).filter(|_| playout.next(&mut frame, &mut facts)).count();
    assert_eq!(frames, 4);
    assert_eq!(ended(&facts), [(1, 45, Some(45), false), (2, 20, Some(20), false)]);
    assert_eq!(facts.front(), Some(&MediaFact::PlaybackStarted { utterance: UtteranceId(1) }));
    assert_eq!((playout.queued(), playout.take_freed()), (0, 520));
}

#[test]
fn pain_31_cutting_one_utterance_cannot_touch_another() {
    let (mut playout, mut facts, mut frame) = (Playout::new(Millis(60_000)), VecDeque::new(), [0; FRAME]);
    playout.enqueue(UtteranceId(1), audio(50), false).unwrap();
    playout.enqueue(UtteranceId(2), audio(2), true).unwrap();
    (0..3).for_each(|_| assert!(playout.next(&mut frame, &mut facts)));
    playout.cut(UtteranceId(1), &mut facts);
    playout.cut(UtteranceId(1), &mut facts);
    playout.enqueue(UtteranceId(1), audio(50), true).unwrap();
    let frames = (0..10).filter(|_| playout.next(&mut frame, &mut facts)).count();
    assert_eq!(frames, 2, "the second utterance whole, nothing more of the first");
    assert_eq!(ended(&facts), [(1, 60, None, true), (2, 40, Some(40), false)]);
    assert_eq!((playout.queued(), playout.stale()), (0, 1));
}

#[test]
fn an_utterance_cut_before_its_first_chunk_never_sounds() {
    let (mut playout, mut facts, mut frame) = (Playout::new(Millis(60_000)), VecDeque::new(), [0; FRAME]);
    playout.cut(UtteranceId(9), &mut facts);
    playout.enqueue(UtteranceId(9), audio(2), true).unwrap();
    assert!(!playout.next(&mut frame, &mut facts));
    assert_eq!(ended(&facts), [(9, 0, None, true)]);
}

#[test]
fn a_full_queue_tells_the_producer_and_takes_nothing() {
    let (mut playout, mut facts, mut frame) = (Playout::new(Millis(100)), VecDeque::new(), [0; FRAME]);
    playout.enqueue(UtteranceId(1), audio(5), false).unwrap();
    assert_eq!(playout.enqueue(UtteranceId(1), audio(1), true), Err(PlayoutFull));
    assert_eq!(playout.queued(), 5 * FRAME);
    assert!(playout.next(&mut frame, &mut facts));
    playout.enqueue(UtteranceId(1), audio(1), true).unwrap();
}

#[test]
fn a_late_producer_is_an_underrun_not_an_end() {
    let (mut playout, mut facts, mut frame) = (Playout::new(Millis(60_000)), VecDeque::new(), [0; FRAME]);
    playout.enqueue(UtteranceId(1), audio(1), false).unwrap();
    assert!(playout.next(&mut frame, &mut facts));
    assert!(!playout.next(&mut frame, &mut facts));
    assert_eq!((playout.underruns(), ended(&facts).len()), (1, 0));
    playout.enqueue(UtteranceId(1), Arc::from([]), true).unwrap();
    assert!(!playout.next(&mut frame, &mut facts));
    assert_eq!(ended(&facts), [(1, 20, Some(20), false)]);
}

#[test]
fn a_paused_queue_keeps_everything() {
    let (mut playout, mut facts, mut frame) = (Playout::new(Millis(60_000)), VecDeque::new(), [0; FRAME]);
    playout.enqueue(UtteranceId(1), audio(1), true).unwrap();
    playout.pause(true);
    assert!(!playout.next(&mut frame, &mut facts) && facts.is_empty());
    playout.pause(false);
    assert!(playout.next(&mut frame, &mut facts));
}
