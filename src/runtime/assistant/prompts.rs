//! What an assistant says word for word, whoever calls.

use super::Assistant;

/// Texts of one assistant; more are spoken when they are wanted.
const TEXTS_MAX: usize = 200;

impl Assistant {
    /// Its texts without a variable in them, those of the greeting first.
    pub fn static_texts(&self) -> Vec<String> {
        let voice = self.voice();
        let first = &voice.first_speaking;
        let greeting = [first.ai_disclosure_text.as_ref().map(|text| text.as_str()), first.text.as_ref().map(|text| text.as_str())];
        let nodes = self.workflow().nodes.iter();
        let said = nodes.flat_map(|node| node.say.iter().chain(&node.reprompts)).map(|text| Some(text.as_str()));
        let silence = [voice.silence_reminder_message.as_ref(), voice.silence_end_message.as_ref()];
        let silence = silence.into_iter().map(|text| text.map(|text| text.as_str()));
        let all = greeting.into_iter().chain(said).chain(silence).flatten();
        all.filter(|text| !text.contains("{{") && !text.trim().is_empty()).take(TEXTS_MAX).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_same_for_every_caller_is_static() {
        let assistant = Assistant::load("test.toml", include_str!("../../../config/assistants/front-desk.toml")).unwrap();
        let texts = assistant.static_texts();
        assert_eq!(texts[0], "Hello, this is the front desk.");
        assert!(texts.iter().any(|text| text.starts_with("Please type your account number")));
        assert!(texts.iter().all(|text| !text.contains("{{")), "{texts:?}");
    }
}
