//! What the conversation waits for now, for whoever listens to the caller.

use super::assistant::Assistant;
use super::context::VariableKind;
use super::dialogue::Dialogue;
use super::workflow::Handoff;

/// What the waiting node would understand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedInput {
    /// It asks for a number of so many digits, at least and at most.
    pub digits: Option<(u8, u8)>,
    /// It asks for one of the words.
    pub choice: bool,
    /// Names and choices that may be said: members of an enum, transfer targets. The assistant's own, never the caller's.
    pub words: Vec<String>,
}

impl Dialogue {
    /// What the next words of the caller are expected to be. Changes with each turn.
    pub(crate) fn expected_input(&self, assistant: &Assistant) -> ExpectedInput {
        let mut expected = ExpectedInput::default();
        let node = self.node_id(assistant).and_then(|id| assistant.workflow().index_of(id));
        let Some(node) = node.and_then(|at| assistant.workflow().nodes.get(at)) else { return expected };
        match node.collect.as_ref().and_then(|name| assistant.variables.get(name)).map(|spec| &spec.kind) {
            Some(VariableKind::Digits { min, max }) => {
                let bound = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
                expected.digits = Some((bound(*min), bound(*max)));
            }
            Some(VariableKind::Enum(members)) => {
                expected.choice = true;
                expected.words.extend(members.iter().map(|member| member.name.replace('_', " ")));
            }
            Some(VariableKind::Boolean) => expected.choice = true,
            Some(VariableKind::Text | VariableKind::Number { .. }) | None => {}
        }
        if let Some(Handoff::Voice { labels, .. }) = &node.handoff {
            expected.choice = labels.len() > 1;
            expected.words.extend(labels.iter().map(|label| label.replace('_', " ")));
        }
        if node.tools {
            expected.words.extend(assistant.tools.targets.keys().map(|label| label.replace('_', " ")));
        }
        expected.words.sort();
        expected.words.dedup();
        expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConversationId, TurnId, TurnInput, WallTime};
    use crate::runtime::{CallDirection, RuntimeOpening, VoiceRuntime};
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use uuid::Uuid;

    #[test]
    fn each_node_says_what_it_would_understand() {
        let assistant = Assistant::load("test.toml", include_str!("../../config/assistants/front-desk.toml")).unwrap();
        let opening = RuntimeOpening {
            conversation: ConversationId(Uuid::nil()),
            from: "+1".into(),
            to: "+2".into(),
            direction: CallDirection::Inbound,
            variables: BTreeMap::new(),
            seed: 1,
            wall: WallTime(0),
        };
        let mut runtime = VoiceRuntime::new(Arc::new(assistant), opening);
        assert_eq!(runtime.expected_input(), ExpectedInput::default(), "nothing was asked yet");
        runtime.run_turn(TurnId(0), TurnInput::Started);
        let first = runtime.expected_input();
        assert_eq!((first.digits, first.choice), (Some((4, 8)), false));
        assert!(first.words.contains(&"billing".to_owned()), "{first:?}");
        runtime.run_turn(TurnId(1), TurnInput::Said { text: "four five six seven".into() });
        assert_eq!((runtime.expected_input().digits, runtime.expected_input().choice), (None, true), "is that right?");
    }
}
