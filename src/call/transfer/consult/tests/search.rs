//! Every order of events: each fact that can happen, at once; or nothing until the next deadline. Situations that differ only in when they are
//! count once.

use super::world::{Promises, Table};
use crate::call::transfer::consult::{Consult, Fact, Order, Plan};
use crate::call::transfer::warm::{Cue, State};
use crate::model::{CallTime, Millis};
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// What a search saw.
#[derive(Default)]
pub(super) struct Coverage {
    pub(super) states: BTreeSet<State>,
    pub(super) rows: BTreeSet<(State, Cue)>,
    situations: usize,
    transitions: usize,
    deepest: usize,
    attempts: usize,
}

impl Coverage {
    pub(super) fn add(&mut self, other: Coverage) {
        self.states.extend(other.states);
        self.rows.extend(other.rows);
        self.situations += other.situations;
        self.transitions += other.transitions;
        self.deepest = self.deepest.max(other.deepest);
        self.attempts = self.attempts.max(other.attempts);
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, rows, situations, transitions, deepest, attempts } = self;
        let (states, rows) = (states.len(), rows.len());
        write!(f, "{situations} situations, {transitions} transitions, {states} states and {rows} rows of the table, ")?;
        write!(f, "up to {deepest} events and {attempts} attempts deep")
    }
}

#[derive(Clone)]
struct Node {
    consult: Consult,
    promises: Promises,
    depth: usize,
    dials: usize,
    /// For whoever reads a counterexample.
    trail: Option<Rc<Trail>>,
}

struct Trail {
    fact: Fact,
    before: Option<Rc<Trail>>,
}

/// Searches until nothing new comes, or `budget` transitions were walked; the broken promise with the shortest way there, if there is one.
pub(super) fn explore(table: Table<'_>, plan: &Plan, budget: usize) -> Result<Coverage, String> {
    let now = CallTime::from_millis(1_000);
    let mut coverage = Coverage::default();
    let mut seen = BTreeSet::new();
    let root = Node { consult: Consult::new(plan, now), promises: Promises::new(now), depth: 0, dials: 0, trail: None };
    let mut open = VecDeque::from([(root, Fact::Begun)]);
    while let Some((mut node, fact)) = open.pop_front() {
        if coverage.transitions >= budget {
            break;
        }
        coverage.transitions += 1;
        walk(table, plan, &mut node, fact, &mut coverage).map_err(|broken| format!("{broken}: {}", story(&node)))?;
        if node.promises.is_over() || !seen.insert(fingerprint(&node)) {
            continue;
        }
        coverage.situations += 1;
        let mut bases = vec![node];
        // A drain is looked at where one destination is enough to see what it does.
        bases.extend(drained(&bases[0]).filter(|_| plan.destinations.len() == 1));
        for (node, fact) in bases.iter().flat_map(|node| futures(node).into_iter().map(move |fact| (node, fact))) {
            let mut next = node.clone();
            if let (Fact::Due(_), Some((at, _))) = (fact, next.promises.next()) {
                next.promises.now = next.promises.now.max(at);
            }
            next.promises.happens(fact);
            open.push_back((next, fact));
        }
    }
    Ok(coverage)
}

fn walk(table: Table<'_>, plan: &Plan, node: &mut Node, fact: Fact, coverage: &mut Coverage) -> Result<(), String> {
    let rows = RefCell::new(Vec::new());
    let noting = |state: State, cue: Cue| {
        rows.borrow_mut().push((state, cue));
        assert!(rows.borrow().len() < 100, "a step does not come to rest");
        table(state, cue)
    };
    let mut orders = Vec::new();
    node.trail = Some(Rc::new(Trail { fact, before: node.trail.take() }));
    node.consult.step_by(&noting, plan, node.promises.now, fact, &mut orders);
    node.depth += 1;
    node.dials += orders.iter().filter(|order| matches!(order, Order::Dial { .. })).count();
    coverage.rows.extend(rows.into_inner());
    coverage.states.insert(node.consult.state());
    coverage.deepest = coverage.deepest.max(node.depth);
    coverage.attempts = coverage.attempts.max(node.dials);
    node.promises.check(plan, &node.consult, fact, &orders)
}

/// The same situation, but the worker drains and the hold ends in a second.
fn drained(node: &Node) -> Option<Node> {
    if node.promises.drained || !node.consult.state().is_hold() {
        return None;
    }
    let mut drained = node.clone();
    let limit = node.promises.now.after(Millis(1_000));
    let mut orders = Vec::new();
    drained.consult.shorten(limit, &mut orders);
    drained.promises.shortened(limit, &orders);
    Some(drained)
}

fn futures(node: &Node) -> Vec<Fact> {
    let mut facts = node.promises.possible();
    if node.consult.waits_for_quiet() && !facts.contains(&Fact::Quiet) {
        facts.push(Fact::Quiet);
    }
    facts.extend(node.promises.next().map(|(_, timer)| Fact::Due(timer)));
    facts
}

fn fingerprint(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    node.consult.relative(node.promises.now).hash(&mut hasher);
    node.promises.relative().hash(&mut hasher);
    hasher.finish()
}

fn story(node: &Node) -> String {
    let mut facts = Vec::new();
    let mut trail = node.trail.as_ref();
    while let Some(at) = trail {
        facts.push(format!("{:?}", at.fact));
        trail = at.before.as_ref();
    }
    facts.reverse();
    facts.join(", ")
}
