//! API keys: who may ask, and for which organisation.
//!
//! Keys are stored as SHA-256 of the key. A slow password hash would guard guessable secrets; ours are at least 128 random bits, which no one
//! guesses, and a slow hash on every request would only help those who flood us. The digest is compared in constant time, against every key.

use crate::model::OrganisationId;
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// One key of the configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// For the log; not secret.
    pub name: String,
    pub organisation: OrganisationId,
    /// SHA-256 of the key's bytes.
    pub sha256: [u8; 32],
}

impl Key {
    /// From the key itself, for tests and for keys made at start.
    pub fn from_secret(name: impl Into<String>, organisation: OrganisationId, secret: &str) -> Self {
        Self { name: name.into(), organisation, sha256: Sha256::digest(secret.as_bytes()).into() }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).field("organisation", &self.organisation).finish_non_exhaustive()
    }
}

/// Every key that is accepted.
#[derive(Clone, Debug, Default)]
pub struct KeyRing(Vec<Key>);

impl KeyRing {
    pub fn new(keys: Vec<Key>) -> Self {
        Self(keys)
    }

    /// Whom the keys belong to; one may come more than once.
    pub fn organisations(&self) -> impl Iterator<Item = OrganisationId> + '_ {
        self.0.iter().map(|key| key.organisation)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key this secret is, if it is one. Takes the same time whichever it is.
    pub fn find(&self, secret: &[u8]) -> Option<&Key> {
        let digest: [u8; 32] = Sha256::digest(secret).into();
        let mut found = u32::MAX;
        for (place, key) in (0_u32..).zip(&self.0) {
            let same: Choice = key.sha256.ct_eq(&digest);
            found = u32::conditional_select(&found, &place, same);
        }
        self.0.get(usize::try_from(found).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_key_is_found_by_its_secret_and_by_nothing_else() {
        let (first, second) = (OrganisationId(Uuid::from_u128(1)), OrganisationId(Uuid::from_u128(2)));
        let ring = KeyRing::new(vec![Key::from_secret("one", first, "s1"), Key::from_secret("two", second, "s2")]);
        assert_eq!(ring.find(b"s1").map(|key| key.organisation), Some(first));
        assert_eq!(ring.find(b"s2").map(|key| key.organisation), Some(second));
        assert!(ring.find(b"s3").is_none() && ring.find(b"").is_none());
        assert!(KeyRing::default().find(b"").is_none());
    }

    #[test]
    fn a_key_in_the_log_shows_its_name_and_not_its_digest() {
        let key = Key::from_secret("console", OrganisationId(Uuid::nil()), "s1");
        let shown = format!("{key:?}");
        assert!(shown.contains("console") && !shown.contains("sha256"), "{shown}");
    }
}
