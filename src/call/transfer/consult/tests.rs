//! The machine is checked: every order of events as deep as two attempts go, a great many random runs, and broken tables that must be found.

mod search;
mod world;

use crate::call::transfer::warm::{Act, Cue, Row, State, row};
use search::{Coverage, explore};
use std::collections::BTreeSet;
use world::{World, plans};

/// Random runs of a normal test; `VOICE_WORKER_WARM_RUNS` makes more, `VOICE_WORKER_WARM_SEED` others.
const RUNS: u64 = 1_000_000;
/// Transitions walked to find a planted bug.
const BUDGET: usize = 20_000;

#[test]
fn every_order_of_events_over_two_attempts_keeps_every_promise() {
    let mut all = Coverage::default();
    for plan in plans() {
        all.add(explore(&row, &plan, usize::MAX).unwrap_or_else(|broken| panic!("{broken}\nin {plan:?}")));
    }
    println!("warm transfer: {} configurations searched, {all}", plans().len());
    let missed: Vec<_> = State::ALL.into_iter().filter(|state| !all.states.contains(state)).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
    // Every row that means something was walked.
    let missed: Vec<_> = meaningful_rows().filter(|place| !all.rows.contains(place) && !UNREACHABLE.contains(place)).collect();
    assert!(missed.is_empty(), "rows that no order of events walks: {missed:?}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how much to run is the runner's choice")]
fn random_runs_keep_every_promise() {
    let runs = std::env::var("VOICE_WORKER_WARM_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let first = std::env::var("VOICE_WORKER_WARM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("warm transfer: {runs} random runs from seed {first}");
    let plans = plans();
    for seed in first..first + runs {
        let plan = &plans[(seed % plans.len() as u64) as usize];
        if let Err(broken) = World::random(plan, seed).run(&row) {
            panic!("seed {seed}: {broken}\nin {plan:?}");
        }
    }
}

/// Rows that no fact leads to as things are: which of the two accepting cues comes is fixed for a whole transfer.
const UNREACHABLE: &[(State, Cue)] = &[(State::HandingOver, Cue::Accepted)];

/// A table with one bug, for every bug of these kinds: each must be found by the search.
#[test]
fn a_bug_planted_in_the_table_is_found() {
    let mut missed = Vec::new();
    let mut planted = 0;
    let walked: Vec<_> = plans().into_iter().map(|plan| (explore(&row, &plan, BUDGET).unwrap().rows, plan)).collect();
    for (state, cue) in meaningful_rows().filter(|(state, _)| !state.is_over()) {
        for (bug, mutant) in mutants(state, cue) {
            planted += 1;
            let table = |at: State, on: Cue| if (at, on) == (state, cue) { mutant } else { row(at, on) };
            let mut where_it_is_walked = walked.iter().filter(|(rows, _)| rows.contains(&(state, cue)));
            if where_it_is_walked.all(|(_, plan)| explore(&table, plan, BUDGET).is_ok()) {
                missed.push(format!("{state:?} on {cue:?}: {bug}"));
            }
        }
    }
    println!("warm transfer: {planted} bugs planted, {} not found", missed.len());
    let known: BTreeSet<&str> = HARMLESS.iter().copied().collect();
    let new: Vec<_> = missed.iter().filter(|bug| !known.contains(bug.as_str())).collect();
    assert!(new.is_empty(), "bugs that no check finds: {new:#?}");
}

/// Changes of the table that break no promise: they are a matter of taste, or another row does the same a moment later.
const HARMLESS: &[&str] = &[];

/// Rows that go somewhere or do something other than counting a stale cue.
fn meaningful_rows() -> impl Iterator<Item = (State, Cue)> {
    let all = State::ALL.into_iter().flat_map(|state| Cue::ALL.into_iter().map(move |cue| (state, cue)));
    all.filter(|(state, cue)| row(*state, *cue).acts != [Act::Stale])
}

/// The row without each of its acts, and with its destination forgotten.
fn mutants(state: State, cue: Cue) -> Vec<(String, Row)> {
    let Row { to, acts } = row(state, cue);
    let mut mutants = Vec::new();
    for place in 0..acts.len() {
        let mut fewer = acts.to_vec();
        let dropped = fewer.remove(place);
        // Leaked on purpose: a handful of bytes a mutant, so that rows stay `Copy`.
        mutants.push((format!("without {dropped:?}"), Row { to, acts: Vec::leak(fewer) }));
    }
    if to != state {
        mutants.push(("stays".to_owned(), Row { to: state, acts }));
    }
    mutants
}
