//! Fixed sentences are spoken ahead, one after the other and in the background, so that no caller waits for them.

use super::shells::Shells;
use super::translate;
use crate::call::FixedTexts;
use crate::speech::SpeakRequest;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Fills the prompt cache; ends early where the worker stops.
pub(super) async fn rehearse(shells: Arc<Shells>, stop: CancellationToken) {
    let prompts = prompts(&shells);
    let count = prompts.len();
    for prompt in prompts {
        // What cannot be spoken ahead is spoken, or reported, when it is wanted.
        let Ok(mut stream) = shells.synthesizer.speak(prompt) else { continue };
        loop {
            let piece = tokio::select! {
                () = stop.cancelled() => return,
                piece = stream.next() => piece,
            };
            match piece {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
    }
    tracing::debug!(prompts = count, "fixed sentences are spoken ahead");
}

/// Every fixed text of every assistant, as that assistant speaks.
fn prompts(shells: &Shells) -> BTreeSet<SpeakRequest> {
    let mut prompts = BTreeSet::new();
    for assigned in shells.assistants.all() {
        let style = translate::speaking_style(assigned.assistant.voice());
        let own = assigned.assistant.static_texts();
        let ours = FixedTexts::default();
        let texts = own.iter().map(String::as_str).chain(ours.all());
        prompts.extend(texts.map(|text| style.request(text)));
    }
    prompts
}
