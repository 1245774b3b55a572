//! What the worker does by itself, a little at a time: decisions that nobody made, chats that nobody goes on with, rows and recordings whose
//! time is over, and the jobs that follow a conversation.

use super::chat::{ChatHost, Ending};
use super::config::RecordingConfig;
use super::jobs;
use super::shells::Shells;
use crate::api::Chat;
use crate::call::{AdminOrder, Event};
use crate::host::inbox::Fact;
use crate::model::ConversationId;
use crate::store::{Approval, StoreError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(1);
/// Of each kind, in one look.
const AT_ONCE: u32 = 50;
/// Looks between two sweeps of what is measured in hours and days.
const SWEEP_EVERY: u32 = 30;

/// Runs until `stop` is cancelled. What fails is logged and tried again at the next look.
pub(super) async fn upkeep(shells: Arc<Shells>, chat: ChatHost, recording: RecordingConfig, stop: CancellationToken) {
    let folders: Vec<PathBuf> = recording.folder.iter().chain(&recording.audio).cloned().collect();
    for look in 0_u32.. {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        log("approvals", deny_overdue(&shells, &chat).await);
        if look % SWEEP_EVERY == 0 {
            chat.sweep();
            log("idle conversations", expire_idle(&shells, &chat).await);
            log("retention", remove_outlived(&shells, &folders).await);
        }
    }
}

/// The jobs that follow conversations, beside everything else: a model may take its time over them.
pub(super) async fn jobs(shells: Arc<Shells>, scrub: bool, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            done = jobs::run_some(&shells, scrub, AT_ONCE) => log("jobs", done),
        }
    }
}

fn log(what: &str, outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        tracing::warn!(what, %error, "upkeep is put off");
    }
}

/// Nobody decided in time: that is a no.
async fn deny_overdue(shells: &Shells, chat: &ChatHost) -> Result<(), StoreError> {
    let now = shells.clock.wall();
    for Approval { id, organisation, conversation, .. } in shells.store.overdue_approvals(now, AT_ONCE).await? {
        let decided = shells.store.decide(organisation, id, false, "timeout".to_owned(), now).await?;
        if !decided.is_some_and(|decided| decided.first) {
            continue;
        }
        if let Some(live) = shells.directory.get(conversation) {
            live.inbox.put(Fact::Core(Event::Ordered(AdminOrder::DecideApproval { approval: id, approved: false })));
        } else if let Err(error) = chat.decide_approval(conversation, id, false).await {
            tracing::warn!(%conversation, %error, "a conversation was not told that nobody approved");
        }
    }
    Ok(())
}

async fn expire_idle(shells: &Shells, chat: &ChatHost) -> Result<(), StoreError> {
    for row in shells.store.idle(shells.clock.wall(), AT_ONCE).await? {
        chat.close(row.id, Ending::ABANDONED).await;
    }
    Ok(())
}

/// Rows whose retention is over, and the files that belong to them. The files go first: a row without files is found again, files without a row are
/// not.
pub(super) async fn remove_outlived(shells: &Shells, folders: &[PathBuf]) -> Result<(), StoreError> {
    for row in shells.store.outlived(shells.clock.wall(), AT_ONCE).await? {
        if !remove_files(row.id, row.recording_path.as_deref(), folders).await {
            continue;
        }
        shells.store.delete(row.organisation, row.id).await?;
        tracing::info!(conversation = %row.id, "a conversation's retention is over; it is removed");
    }
    Ok(())
}

/// False: something of it is still there.
async fn remove_files(conversation: ConversationId, recording: Option<&str>, folders: &[PathBuf]) -> bool {
    let prefix = conversation.to_string();
    let mut files: Vec<PathBuf> = recording.map(Path::new).map(Path::to_path_buf).into_iter().collect();
    for folder in folders {
        let Ok(mut entries) = tokio::fs::read_dir(folder).await else { continue };
        while let Ok(Some(entry)) = entries.next_entry().await {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                files.push(entry.path());
            }
        }
    }
    let mut gone = true;
    for file in files {
        match tokio::fs::remove_file(&file).await {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::error!(path = %file.display(), %error, "a recording whose retention is over cannot be removed");
                gone = false;
            }
        }
    }
    gone
}
