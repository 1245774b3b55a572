//! What waits for people, chats, and what the worker does by itself.

use crate::{OURS, THEIRS, closing, id, inbound, said};
use serde_json::{Map, json};
use uuid::Uuid;
use voice_worker::model::{ConversationId, SessionStatus, TerminationReason, WallTime};
use voice_worker::store::{
    ApprovalState, ChatCommit, ChatInput, Committed, HandoffFilter, HandoffSource, HandoffStatus, MemoryFact, NewApproval, NewHandoff,
    RelayMessage, Relayed, Role, Store,
};

fn handoff(n: u128, conversation: ConversationId, at: u64) -> NewHandoff {
    NewHandoff {
        id: Uuid::from_u128(n),
        conversation,
        turn: None,
        reason: Some("asked for a person".to_owned()),
        static_text: "a colleague will join".to_owned(),
        source: HandoffSource::WorkflowTerminal,
        packet: Map::from_iter([("context_vars".to_owned(), json!({ "topic": "billing" }))]),
        at: WallTime(at),
    }
}

fn message(n: u128, operator: &str, text: &str) -> RelayMessage {
    RelayMessage { id: Uuid::from_u128(n), operator: operator.to_owned(), content: text.into(), at: WallTime(9_000) }
}

pub(crate) async fn handoffs(store: &dyn Store) {
    let talk = id(0x100);
    store.create(inbound(0x100, 8_000)).await.unwrap();
    store.append(talk, vec![said(0x1001, Role::User, "a person please"), said(0x1002, Role::Assistant, "one moment")]).await.unwrap();
    let first = store.put_handoff(handoff(0x1100, talk, 8_100)).await.unwrap().unwrap();
    assert_eq!(first.status, HandoffStatus::Requested);
    assert_eq!(first.packet["transcript_ptr"], json!({ "conversation_id": talk, "up_to_seq": 1 }));
    assert_eq!(store.put_handoff(handoff(0x1100, talk, 8_200)).await.unwrap(), Some(first.clone()), "once");
    assert_eq!(store.put_handoff(handoff(0x1101, id(0x999), 8_100)).await.unwrap(), None, "no such conversation");

    // The operator's words are the conversation's next message, and the first one who writes has the handoff.
    let relayed = store.relay(OURS, first.id, message(0x1200, "ada", "hello, this is Ada")).await.unwrap();
    let Some(Relayed::Stored { handoff: claimed, seq: 2, .. }) = relayed else { panic!("{relayed:?}") };
    assert_eq!((claimed.status, claimed.assignee.as_deref()), (HandoffStatus::Assigned, Some("ada")));
    let second = store.relay(OURS, first.id, message(0x1201, "bob", "and Bob")).await.unwrap();
    let Some(Relayed::Stored { handoff: claimed, seq: 3, .. }) = second else { panic!("{second:?}") };
    assert_eq!(claimed.assignee.as_deref(), Some("ada"));
    let stored = store.messages(talk, Some(1), 1).await.unwrap().pop().unwrap().message;
    assert_eq!((stored.authored_by.as_deref(), stored.operator.as_deref()), (Some("human_operator"), Some("ada")));

    // Theirs is nobody's.
    assert_eq!(store.handoff(THEIRS, first.id).await.unwrap(), None);
    assert_eq!(store.relay(THEIRS, first.id, message(0x1202, "eve", "x")).await.unwrap(), None);
    assert_eq!(store.resolve_handoff(THEIRS, first.id, WallTime(1)).await.unwrap(), None);
    assert_eq!(store.messages(talk, None, 10).await.unwrap().len(), 4);

    let later = store.put_handoff(handoff(0x1102, talk, 8_300)).await.unwrap().unwrap();
    let filter = HandoffFilter { organisation: OURS, status: None, limit: 1, after: None };
    let page = store.handoffs(filter.clone()).await.unwrap();
    assert_eq!(page[0].id, later.id, "newest first");
    let after = Some((page[0].created_at, page[0].id));
    assert_eq!(store.handoffs(HandoffFilter { after, ..filter.clone() }).await.unwrap()[0].id, first.id);
    let resolved = store.resolve_handoff(OURS, later.id, WallTime(8_400)).await.unwrap().unwrap();
    assert_eq!((resolved.status, resolved.resolved_at), (HandoffStatus::Resolved, Some(WallTime(8_400))));
    assert_eq!(store.resolve_handoff(OURS, later.id, WallTime(8_500)).await.unwrap(), Some(resolved), "once");

    // The close settles what is open, in the words of its reason.
    store.close(talk, closing(TerminationReason::HandoffResolved, 9_500)).await.unwrap();
    assert_eq!(store.handoff(OURS, first.id).await.unwrap().unwrap().status, HandoffStatus::Resolved);
    assert_eq!(store.put_handoff(handoff(0x1103, talk, 9_900)).await.unwrap(), None, "it is over");
    let over = store.relay(OURS, first.id, message(0x1203, "ada", "still there?")).await.unwrap();
    assert_eq!(over, Some(Relayed::Over(HandoffStatus::Resolved)));
    store.create(inbound(0x101, 8_000)).await.unwrap();
    let left = store.put_handoff(handoff(0x1104, id(0x101), 8_100)).await.unwrap().unwrap();
    store.close(id(0x101), closing(TerminationReason::ParticipantLeft, 9_500)).await.unwrap();
    assert_eq!(store.handoff(OURS, left.id).await.unwrap().unwrap().status, HandoffStatus::Cancelled);
}

fn approval(n: u128, conversation: ConversationId, expires: u64) -> NewApproval {
    let (at, expires_at) = (WallTime(8_000), WallTime(expires));
    NewApproval { id: Uuid::from_u128(n), conversation, node: Some("refund".to_owned()), message: "refund 200".to_owned(), at, expires_at }
}

pub(crate) async fn approvals(store: &dyn Store) {
    store.create(inbound(0x110, 8_000)).await.unwrap();
    let (talk, wanted) = (id(0x110), Uuid::from_u128(0x2100));
    assert!(store.put_approval(approval(0x2100, talk, 9_000)).await.unwrap());
    assert!(store.put_approval(approval(0x2100, talk, 9_000)).await.unwrap(), "once");
    assert!(!store.put_approval(approval(0x2101, id(0x999), 9_000)).await.unwrap(), "no such conversation");
    assert_eq!(store.overdue_approvals(WallTime(8_999), 10).await.unwrap().len(), 0);
    assert_eq!(store.overdue_approvals(WallTime(9_000), 10).await.unwrap()[0].id, wanted);
    assert_eq!(store.decide(THEIRS, wanted, true, "eve".to_owned(), WallTime(8_500)).await.unwrap(), None);
    let decided = store.decide(OURS, wanted, false, "ada".to_owned(), WallTime(8_500)).await.unwrap().unwrap();
    assert!(decided.first);
    assert_eq!((decided.approval.state, decided.approval.decided_by.as_deref()), (ApprovalState::Denied, Some("ada")));
    let again = store.decide(OURS, wanted, true, "bob".to_owned(), WallTime(8_600)).await.unwrap().unwrap();
    assert_eq!((again.first, again.approval.state), (false, ApprovalState::Denied), "the first decision counts");
    assert_eq!(store.overdue_approvals(WallTime(9_999), 10).await.unwrap().len(), 0);
    assert_eq!(store.approvals(OURS, Some(ApprovalState::Denied), None, 10).await.unwrap().len(), 1);
    assert_eq!(store.approvals(OURS, Some(ApprovalState::Pending), None, 10).await.unwrap().len(), 0);
}

fn commit(number: u32, text: &str) -> ChatCommit {
    let turn = Uuid::from_u128(0x3100 + u128::from(number));
    ChatCommit {
        input: ChatInput { number, turn, inputs: json!([{ "input": text }]).into(), said_digest: "d".to_owned() },
        messages: vec![said(0x3200 + u128::from(number), Role::User, text)],
        variables: Map::from_iter([("n".to_owned(), json!(number))]).into(),
        status: SessionStatus::WaitingForHuman,
        handoff: Some(handoff(0x3300 + u128::from(number), id(0x120), 8_000)),
        approval: None,
        ttl_expires_at: WallTime(20_000),
        at: WallTime(8_100),
    }
}

pub(crate) async fn chats(store: &dyn Store) {
    let talk = id(0x120);
    store.create(inbound(0x120, 8_000)).await.unwrap();
    assert_eq!(store.commit_turn(talk, commit(0, "hi")).await.unwrap(), Committed::Stored(vec![0]));
    let row = store.get(OURS, talk).await.unwrap().unwrap();
    assert_eq!((row.status, row.context_variables["n"].clone()), (SessionStatus::WaitingForHuman, json!(0)));
    assert!(store.handoff(OURS, Uuid::from_u128(0x3300)).await.unwrap().is_some());
    // Another worker's turn of the same number: nothing of it is kept.
    let overtaken = ChatCommit { messages: vec![said(0x3999, Role::User, "lost")], ..commit(0, "hi") };
    assert_eq!(store.commit_turn(talk, overtaken).await.unwrap(), Committed::Overtaken);
    assert_eq!(store.commit_turn(talk, commit(1, "more")).await.unwrap(), Committed::Stored(vec![1]));
    assert_eq!(store.messages(talk, None, 10).await.unwrap().len(), 2);
    let told = store.chat_inputs(talk).await.unwrap();
    assert_eq!(told.iter().map(|input| input.number).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(told[1].inputs.expose(), &json!([{ "input": "more" }]));
    let users = store.messages_of(talk, Some(Role::User), None, 10).await.unwrap().len();
    assert_eq!((users, store.messages_of(talk, Some(Role::Assistant), None, 10).await.unwrap().len()), (2, 0));
    store.close(talk, closing(TerminationReason::AgentInitiated, 9_000)).await.unwrap();
    assert_eq!(store.commit_turn(talk, commit(2, "late")).await.unwrap(), Committed::Over(SessionStatus::Closed));
}

pub(crate) async fn upkeep(store: &dyn Store) {
    let mut chat = inbound(0x130, 8_000);
    chat.ttl_expires_at = Some(WallTime(8_500));
    store.create(chat).await.unwrap();
    let idle = |now| async move { store.idle(WallTime(now), 10).await.unwrap().iter().map(|row| row.id).collect::<Vec<_>>() };
    assert_eq!(idle(8_499).await, []);
    assert_eq!(idle(8_500).await, [id(0x130)]);

    let fact =
        |name: &str, value: &str, at| MemoryFact { name: name.to_owned(), value: value.into(), conversation: id(0x130), at: WallTime(at) };
    store.remember(id(0x130), vec![fact("city", "Berlin", 8_400), fact("plan", "gold", 8_400)]).await.unwrap();
    store.remember(id(0x130), vec![fact("city", "Bonn", 8_450), fact("plan", "old", 8_300)]).await.unwrap();
    let row = store.get(OURS, id(0x130)).await.unwrap().unwrap();
    assert!(row.memory_synced);
    let known = store.recall(OURS, row.end_user, 10).await.unwrap();
    let known: Vec<_> = known.iter().map(|fact| (fact.name.as_str(), fact.value.expose().as_str())).collect();
    assert_eq!(known, [("city", "Bonn"), ("plan", "gold")], "what was learnt later counts");
    assert_eq!(store.recall(THEIRS, row.end_user, 10).await.unwrap().len(), 0);

    store.close(id(0x130), closing(TerminationReason::Abandoned, 9_000)).await.unwrap();
    assert_eq!(idle(99_999).await, [], "a closed one is not idle");
    store.set_summary(id(0x130), "about billing".into(), WallTime(9_100)).await.unwrap();
    store.set_summary(id(0x130), "another one".into(), WallTime(9_200)).await.unwrap();
    assert_eq!(store.row(id(0x130)).await.unwrap().unwrap().summary.as_deref(), Some("about billing"), "the first one stays");
    let due = store.outlived(WallTime(10_000), 100).await.unwrap();
    assert!(due.iter().any(|row| row.id == id(0x130)), "closed at 9,000 with 1,000 of retention");
    assert!(!store.outlived(WallTime(9_999), 100).await.unwrap().iter().any(|row| row.id == id(0x130)));

    store.append(id(0x130), vec![said(0x4001, Role::User, "my number is 12345")]).await.unwrap();
    store.rewrite(id(0x130), vec![(0, "my number is [number]".into())]).await.unwrap();
    assert_eq!(store.messages(id(0x130), None, 1).await.unwrap()[0].message.content.expose(), "my number is [number]");
}
