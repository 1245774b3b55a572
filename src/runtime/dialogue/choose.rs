//! Which way an input takes: edges and tools by priority, words before conditions.

use super::turn::Turn;
use crate::model::Redacted;
use crate::runtime::matcher::{Choice, Phrase};
use crate::runtime::workflow::{Edge, Handoff, Node};
use std::collections::BTreeSet;

/// What the caller gave in this turn.
#[derive(Clone, Copy)]
pub(super) enum Input<'t> {
    Words(&'t str),
    Keys(&'t str),
}

/// The same, kept while a turn waits.
pub(crate) enum Heard {
    Words(Redacted<String>),
    Keys(Redacted<String>),
}

impl Input<'_> {
    pub(super) fn kept(self) -> Heard {
        match self {
            Self::Words(text) => Heard::Words(Redacted::new(text.to_owned())),
            Self::Keys(keys) => Heard::Keys(Redacted::new(keys.to_owned())),
        }
    }
}

impl Heard {
    pub(super) fn input(&self) -> Input<'_> {
        match self {
            Self::Words(text) => Input::Words(text.expose()),
            Self::Keys(keys) => Input::Keys(keys.expose()),
        }
    }
}

/// What an input chose.
#[derive(Clone)]
pub(super) enum Way {
    Node(usize),
    Target(String),
    Human,
    End,
}

/// Two ways fit what was said equally well.
pub(super) struct Unclear;

impl Turn<'_> {
    /// `tools`: the platform tools listen too. `silent`: edges that ask for no words count.
    pub(super) fn chosen(&self, node: &Node, input: Input<'_>, tools: bool, silent: bool) -> Result<Option<Way>, Unclear> {
        let mut priorities: BTreeSet<i64> = node.edges.iter().filter(|edge| !edge.otherwise).map(|edge| edge.priority).collect();
        let with_tools = tools && (node.tools || node.handoff.is_some());
        if with_tools {
            priorities.insert(0);
        }
        for priority in priorities.into_iter().rev() {
            let open: Vec<&Edge> =
                node.edges.iter().filter(|edge| edge.priority == priority && !edge.otherwise && self.holds(edge)).collect();
            if let Some(way) = self.listening_way(node, &open, input, with_tools && priority == 0)? {
                return Ok(Some(way));
            }
            if let Some(edge) = open.iter().find(|edge| silent && !edge.listens() && edge.means.is_none()) {
                return Ok(Some(Way::Node(edge.to)));
            }
        }
        Ok(None)
    }

    fn listening_way(&self, node: &Node, open: &[&Edge], input: Input<'_>, with_tools: bool) -> Result<Option<Way>, Unclear> {
        let text = match input {
            Input::Keys(keys) => {
                return Ok(open.iter().find(|edge| edge.keys.iter().any(|key| key == keys)).map(|edge| Way::Node(edge.to)));
            }
            Input::Words(text) => text,
        };
        let mut ways: Vec<(Way, &[Phrase])> =
            open.iter().filter(|edge| !edge.said.is_empty()).map(|edge| (Way::Node(edge.to), edge.said.as_slice())).collect();
        if self.assistant.model.is_none() {
            // Nobody else can judge them.
            ways.extend(open.iter().filter_map(|edge| Some((Way::Node(edge.to), edge.means.as_ref()?.phrases.as_slice()))));
        }
        if with_tools {
            self.add_tools(node.handoff.as_ref(), &mut ways);
        }
        let matcher = &self.assistant.matcher;
        match matcher.choose(ways.iter().map(|(_, said)| *said).enumerate(), &matcher.hear(text)) {
            Choice::One(index) => Ok(Some(ways.swap_remove(index).0)),
            Choice::Nothing => Ok(None),
            Choice::Ambiguous => Err(Unclear),
        }
    }

    /// A handoff node offers the targets it may pick; any other node all of them.
    fn add_tools<'w>(&'w self, handoff: Option<&Handoff>, ways: &mut Vec<(Way, &'w [Phrase])>) {
        let tools = &self.assistant.tools;
        let offered = |label: &String| match handoff {
            Some(Handoff::Voice { labels, .. }) => labels.contains(label),
            Some(Handoff::Human { .. }) => false,
            None => true,
        };
        let targets = tools.targets.iter().filter(|(label, _)| offered(label));
        ways.extend(targets.map(|(label, target)| (Way::Target(label.clone()), target.said.as_slice())));
        ways.extend(tools.human.iter().map(|human| (Way::Human, human.said.as_slice())));
        ways.extend(tools.end.iter().map(|end| (Way::End, end.said.as_slice())));
    }

    /// Where no node listens: the tools alone.
    pub(super) fn chosen_tool(&self, input: Input<'_>) -> Option<Way> {
        let Input::Words(text) = input else { return None };
        let mut ways = Vec::new();
        self.add_tools(None, &mut ways);
        let matcher = &self.assistant.matcher;
        match matcher.choose(ways.iter().map(|(_, said)| *said).enumerate(), &matcher.hear(text)) {
            Choice::One(index) => Some(ways.swap_remove(index).0),
            Choice::Nothing | Choice::Ambiguous => None,
        }
    }
}
