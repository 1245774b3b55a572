//! `[speech]` and `[[speech.provider]]`: who hears and who speaks, in which order.

use super::model::{Settings, Speech, SpeechEngine, SpeechProvider, SpeechVendor};
use super::reader::Reader;
use crate::speech::providers::{EarVendor, ProviderConfig, Timing, VoiceVendor};
use crate::speech::{EarSource, LocalConfig, SpeechPlan, VoiceSource};
use std::time::Duration;

const NAME_MAX: usize = 64;
/// Engines of one list.
const LIST_MAX: usize = 4;
/// The engines on this machine, in both lists.
const LOCAL: &str = "local";
/// Memory for sentences that are spoken again and again: 32 MiB, about half an hour of speech.
const CACHE_BYTES: usize = 32 << 20;

pub(super) fn speech(r: &mut Reader<'_>) -> Speech {
    let d = Speech::default();
    Speech {
        engine: r.word("speech.engine", &[("local", SpeechEngine::Local), ("scripted", SpeechEngine::Scripted)], d.engine),
        models_dir: r.path("speech.models_dir").unwrap_or(d.models_dir),
        scripted_words: r.texts("speech.scripted_words").unwrap_or_default(),
        threads: r.count("speech.threads", 0..=64, d.threads),
        recognizers: r.texts("speech.recognizers").unwrap_or(d.recognizers),
        synthesizers: r.texts("speech.synthesizers").unwrap_or(d.synthesizers),
        connect: r.millis("speech.connect_ms", 100..=30_000, d.connect),
        answer: r.millis("speech.answer_ms", 200..=30_000, d.answer),
        first_audio: r.millis("speech.first_audio_ms", 200..=10_000, d.first_audio),
        providers: r.tables("speech.provider").iter().map(|at| provider(r, at)).collect(),
    }
}

fn provider(r: &mut Reader<'_>, at: &str) -> SpeechProvider {
    let key = |name: &str| format!("{at}.{name}");
    let vendors = SpeechVendor::ALL.map(|vendor| (vendor.word(), vendor));
    let provider = SpeechProvider {
        name: r.required_text(&key("name"), NAME_MAX),
        vendor: r.word(&key("vendor"), &vendors, SpeechVendor::Deepgram),
        key: super::models::secret(r, &key("key_file")),
        url: r.text(&key("url"), 1_024),
        listen_model: r.text(&key("listen_model"), NAME_MAX),
        speak_model: r.text(&key("speak_model"), NAME_MAX),
        voice: r.text(&key("voice"), NAME_MAX),
    };
    let key_file_is_wrong = r.faults.iter().any(|fault| fault.key == key("key_file"));
    r.rule(provider.key.is_some() || provider.url.is_some() || key_file_is_wrong, &key("key_file"), || {
        "is required; only a server of your own, named by url, may want no key".to_owned()
    });
    let scheme =
        |url: &String| ["http://", "https://", "ws://", "wss://"].iter().any(|scheme| url.starts_with(scheme) && url.len() > scheme.len());
    r.rule(provider.url.as_ref().is_none_or(scheme), &key("url"), || "must be scheme and host, as https://speech.example.net".to_owned());
    r.rule(provider.name != LOCAL, &key("name"), || format!("{LOCAL:?} is the name of the engines on this machine"));
    provider
}

/// Rules between the lists and the tables.
pub(super) fn rules(r: &mut Reader<'_>, settings: &Settings) {
    let speech = &settings.speech;
    let named = |able: fn(SpeechVendor) -> bool| -> Vec<&str> {
        speech.providers.iter().filter(|provider| able(provider.vendor)).map(|provider| provider.name.as_str()).collect()
    };
    let (ears, voices) = (named(|vendor| vendor.ear().is_some()), named(|vendor| vendor.voice().is_some()));
    for (key, list, known, what) in
        [("speech.recognizers", &speech.recognizers, ears, "hears"), ("speech.synthesizers", &speech.synthesizers, voices, "speaks")]
    {
        r.rule((1..=LIST_MAX).contains(&list.len()), key, || format!("names {} engines; 1 to {LIST_MAX} are allowed", list.len()));
        for (place, name) in list.iter().enumerate() {
            r.rule(name == LOCAL || known.contains(&name.as_str()), key, || {
                let known = [&[LOCAL], known.as_slice()].concat().join(", ");
                format!("{name:?} is no [[speech.provider]] that {what}; there is: {known}")
            });
            r.rule(!list[..place].contains(name), key, || format!("{name:?} would be tried twice"));
            r.rule(name != LOCAL || place + 1 == list.len(), key, || format!("{LOCAL:?} never fails a caller: it must be the last"));
        }
    }
    for (index, provider) in speech.providers.iter().enumerate() {
        let first = speech.providers.iter().position(|other| other.name == provider.name);
        r.rule(first == Some(index), &format!("speech.provider[{index}].name"), || {
            format!("{:?} is the name of another [[speech.provider]]", provider.name)
        });
    }
}

/// What the worker is to build; nothing for scripted speech.
pub(super) fn plan(speech: &Speech) -> SpeechPlan {
    let cores = match speech.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads as usize,
    };
    let find = |name: &String| speech.providers.iter().find(|provider| provider.name == *name);
    let account = |provider: &SpeechProvider, model: &Option<String>| ProviderConfig {
        key: provider.key.clone().unwrap_or_default(),
        url: provider.url.clone(),
        model: model.clone(),
        voice: provider.voice.clone(),
    };
    let ear = |name: &String| match find(name) {
        None => Some(EarSource::Local),
        Some(provider) => {
            let vendor = provider.vendor.ear()?;
            Some(EarSource::Provider { name: name.clone(), vendor, account: account(provider, &provider.listen_model) })
        }
    };
    let voice = |name: &String| match find(name) {
        None => Some(VoiceSource::Local),
        Some(provider) => {
            let vendor = provider.vendor.voice()?;
            Some(VoiceSource::Provider { name: name.clone(), vendor, account: account(provider, &provider.speak_model) })
        }
    };
    SpeechPlan {
        local: LocalConfig { models: speech.models_dir.clone(), cores, cache_bytes: CACHE_BYTES },
        recognizers: speech.recognizers.iter().filter_map(ear).collect(),
        synthesizers: speech.synthesizers.iter().filter_map(voice).collect(),
        timing: Timing { connect: Duration::from(speech.connect), answer: Duration::from(speech.answer), ..Timing::default() },
        patience: Duration::from(speech.first_audio),
    }
}

impl SpeechVendor {
    const ALL: [Self; 4] = [Self::Deepgram, Self::DeepgramFlux, Self::ElevenLabs, Self::OpenAi];

    const fn word(self) -> &'static str {
        match self {
            Self::Deepgram => "deepgram",
            Self::DeepgramFlux => "deepgram_flux",
            Self::ElevenLabs => "elevenlabs",
            Self::OpenAi => "openai",
        }
    }

    const fn ear(self) -> Option<EarVendor> {
        Some(match self {
            Self::Deepgram => EarVendor::Deepgram,
            Self::DeepgramFlux => EarVendor::DeepgramFlux,
            Self::ElevenLabs => EarVendor::ElevenLabs,
            Self::OpenAi => EarVendor::OpenAi,
        })
    }

    /// Flux only hears.
    const fn voice(self) -> Option<VoiceVendor> {
        match self {
            Self::Deepgram => Some(VoiceVendor::Deepgram),
            Self::DeepgramFlux => None,
            Self::ElevenLabs => Some(VoiceVendor::ElevenLabs),
            Self::OpenAi => Some(VoiceVendor::OpenAi),
        }
    }
}
