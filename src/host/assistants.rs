//! The assistants of this worker, loaded and checked before anything is bound, and which call gets which.

use crate::runtime::{Assistant, LoadError};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// One loaded assistant.
#[derive(Clone, Debug)]
pub struct Assigned {
    /// File stem: the name routes use.
    pub name: String,
    pub assistant: Arc<Assistant>,
    /// SHA-256 of its file, hex.
    pub digest: String,
}

/// Called number to assistant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub number: String,
    pub assistant: String,
    pub trunk: Option<String>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Assistants {
    by_name: BTreeMap<String, Assigned>,
    default: String,
    routes: Vec<Route>,
}

#[derive(Debug, Error)]
pub enum AssistantsError {
    #[error("assistants.directory {}: {why}", path.display())]
    Folder { path: PathBuf, why: String },
    #[error("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Faults { faults: Vec<LoadError> },
    #[error("{key} names assistant '{name}', which is not there; there is: {known}")]
    Unknown { key: String, name: String, known: String },
}

impl Assistants {
    /// Reads every `*.toml` and `*.json` of the folder. `destinations` replaces transfer targets, by assistant and then by label.
    pub fn load(
        folder: &Path,
        default: &str,
        routes: Vec<Route>,
        destinations: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<Self, AssistantsError> {
        let fault = |why: String| AssistantsError::Folder { path: folder.to_path_buf(), why };
        let entries = std::fs::read_dir(folder).map_err(|error| fault(error.to_string()))?;
        let mut texts = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| fault(error.to_string()))?.path();
            if path.extension().is_some_and(|ending| ending == "toml" || ending == "json") {
                let text = std::fs::read_to_string(&path).map_err(|error| fault(format!("{}: {error}", path.display())))?;
                texts.push((path, text));
            }
        }
        Self::of(texts, default, routes, destinations)
    }

    /// The samples that come with the program, for a worker without any configuration.
    pub fn built_in(default: &str, routes: Vec<Route>) -> Result<Self, AssistantsError> {
        let samples = [
            ("echo.toml", include_str!("../../config/assistants/echo.toml")),
            ("front-desk.toml", include_str!("../../config/assistants/front-desk.toml")),
            ("warm-desk.toml", include_str!("../../config/assistants/warm-desk.toml")),
        ];
        let texts = samples.map(|(name, text)| (PathBuf::from(name), text.to_owned())).to_vec();
        Self::of(texts, default, routes, &BTreeMap::new())
    }

    fn of(
        texts: Vec<(PathBuf, String)>,
        default: &str,
        routes: Vec<Route>,
        destinations: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<Self, AssistantsError> {
        let mut by_name = BTreeMap::new();
        let mut faults = Vec::new();
        for (path, text) in texts {
            match Self::load_one(&path, &text, destinations) {
                Ok(assigned) => drop(by_name.insert(assigned.name.clone(), assigned)),
                Err(found) => faults.extend(found),
            }
        }
        if !faults.is_empty() {
            return Err(AssistantsError::Faults { faults });
        }
        let loaded = Self { by_name, default: default.to_owned(), routes };
        loaded.check_names()?;
        Ok(loaded)
    }

    /// One assistant's file.
    pub fn load_one(
        path: &Path,
        text: &str,
        destinations: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<Assigned, Vec<LoadError>> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut assistant = Assistant::load(&path.display().to_string(), text)?;
        if let Some(own) = destinations.get(&name) {
            assistant = assistant.with_destinations(own)?;
        }
        Ok(Assigned { name, assistant: Arc::new(assistant), digest: sha256_hex(text.as_bytes()) })
    }

    /// The assistant for a call to this number over this trunk: the first route that fits, else the default.
    pub fn assign(&self, number: &str, trunk: &str) -> Option<&Assigned> {
        let route = self.routes.iter().find(|route| route.number == number && route.trunk.as_deref().is_none_or(|wanted| wanted == trunk));
        self.by_name.get(route.map_or(self.default.as_str(), |route| route.assistant.as_str()))
    }

    /// The assistant of this name.
    pub fn named(&self, name: &str) -> Option<&Assigned> {
        self.by_name.get(name)
    }

    /// The assistant of calls and chats that name none.
    pub fn default_name(&self) -> &str {
        &self.default
    }

    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    pub fn all(&self) -> impl Iterator<Item = &Assigned> {
        self.by_name.values()
    }

    fn check_names(&self) -> Result<(), AssistantsError> {
        let named = std::iter::once(("assistants.default".to_owned(), &self.default))
            .chain(self.routes.iter().map(|route| (format!("assistants.route {}", route.number), &route.assistant)));
        for (key, name) in named {
            if !self.by_name.contains_key(name) {
                let known = self.by_name.keys().cloned().collect::<Vec<_>>().join(", ");
                return Err(AssistantsError::Unknown { key, name: name.clone(), known });
            }
        }
        Ok(())
    }
}

/// For the digests of a recording's header.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_without_any_file_has_the_samples() {
        let built_in = Assistants::built_in("front-desk", Vec::new()).unwrap();
        assert!(built_in.assign("1000", "local").is_some_and(|assigned| assigned.name == "front-desk"));
        assert_eq!(built_in.all().count(), 3);
    }

    #[test]
    fn a_route_to_nobody_is_refused_and_the_first_route_that_fits_is_taken() {
        let route = |number: &str, assistant: &str, trunk: Option<&str>| Route {
            number: number.to_owned(),
            assistant: assistant.to_owned(),
            trunk: trunk.map(str::to_owned),
        };
        let error = Assistants::built_in("front-desk", vec![route("1", "nobody", None)]).unwrap_err().to_string();
        assert!(error.contains("'nobody'") && error.contains("echo, front-desk, warm-desk"), "{error}");
        let routes = vec![route("1", "echo", Some("other")), route("1", "echo", None)];
        let loaded = Assistants::built_in("front-desk", routes).unwrap();
        assert_eq!(loaded.assign("1", "this").unwrap().name, "echo");
        assert_eq!(loaded.assign("2", "this").unwrap().name, "front-desk");
    }
}
