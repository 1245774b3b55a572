//! Thousands of calls in random worlds: shells that answer late, never, twice or for someone else; callers, operators and networks that do
//! anything at any time. Each run has a seed; a failure prints it, and `SIM_SEED=n cargo test --test sim` runs that one alone, with its log.
//!
//! Swarm mode: each run switches some faults off altogether, so that rare orders of the others are reached.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "sim/checks.rs"]
mod checks;
#[path = "sim/second.rs"]
mod second;
#[path = "sim/world.rs"]
mod world;

use voice_worker::call::{Call, Event};
use voice_worker::replay::{Entry, Masker};
use world::World;

const SEEDS: u64 = 4_000;

fn run(seed: u64) -> Result<World, String> {
    let mut world = World::new(seed);
    world.run().map_err(|violation| format!("seed {seed}: {violation}\nlast steps:\n{}", world.log_tail()))?;
    Ok(world)
}

#[test]
fn no_world_breaks_an_invariant() {
    #[expect(clippy::disallowed_methods, reason = "the seed to look at again is the test's one input")]
    let alone = std::env::var("SIM_SEED").ok().and_then(|seed| seed.parse().ok());
    if let Some(seed) = alone {
        match run(seed) {
            Ok(world) => println!("seed {seed} holds:\n{}", world.log_tail()),
            Err(violation) => panic!("{violation}"),
        }
        return;
    }
    let (mut dialled, mut joined) = (0, 0);
    let mut reached = std::collections::BTreeMap::new();
    for seed in 0..SEEDS {
        match run(seed) {
            Ok(world) => {
                *reached.entry(world.checks.cause_word()).or_insert(0) += 1;
                dialled += world.checks.second.dialled;
                joined += world.checks.second.joined;
            }
            Err(violation) => panic!("{violation}"),
        }
    }
    println!("{reached:?}, {dialled} second legs dialled, {joined} joined");
    assert!(dialled > 500 && joined > 20, "warm transfers are hardly reached: {dialled} dialled, {joined} joined");
    for cause in
        ["CallerHungUp", "CallerCancelled", "AssistantEnded", "AdminEnded", "SilenceTimeout", "MaxDuration", "Transferred", "MediaLost"]
    {
        assert!(reached.contains_key(cause), "no world ended as {cause}: {reached:?}");
    }
    for cause in ["ServerShutdown", "EngineFailed", "Overloaded", "NeverAcknowledged", "ConnectionLost", "SetupFailed", "CalleeBusy"] {
        assert!(reached.contains_key(cause), "no world ended as {cause}: {reached:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_orders() {
    for seed in 0..100 {
        let (one, other) = (run(seed).unwrap(), run(seed).unwrap());
        assert_eq!(one.log_tail(), other.log_tail(), "seed {seed}");
    }
}

/// What a mask leaves out is never what the core decides on: keys and words of callers, words and decisions of humans. Worlds whose recogniser
/// revises its words are left out: whether final words are a version of the partial ones is the one thing a mask may blur.
#[test]
fn a_masked_recording_of_any_world_replays_exactly() {
    for seed in 0..1_500 {
        let tape = run(seed).unwrap().tape;
        if tape.iter().any(|(_, event, _)| matches!(event, Event::PartialTranscript { .. })) {
            continue;
        }
        let (mut recorded, mut replayed) = (Masker::new(), Masker::new());
        let mut call = Call::new();
        for (at, event, commands) in tape {
            let Entry::Event(event) = recorded.mask(Entry::Event(event)) else { unreachable!() };
            replayed.mask(Entry::Event(event.clone()));
            call.handle(at, event.clone());
            for command in commands {
                let now = call.poll_command().map(|command| replayed.mask(Entry::Command(command)));
                let then = recorded.mask(Entry::Command(command));
                assert!(now.as_ref() == Some(&then), "seed {seed} at {at}: {then:?} is now {now:?} after {event:?}");
            }
            assert_eq!(call.poll_command(), None, "seed {seed} at {at}");
        }
    }
}
