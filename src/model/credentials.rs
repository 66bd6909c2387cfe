//! Secrets in memory. Neither `Debug` nor `Serialize`: they leave only sealed (`to_sealable`) or on the wire.
use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::time::Moment;

/// A secret text; wiped when dropped, silent when printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the wire and the cipher only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Everything that an authorizer knows about its account: what was typed (every field, secret or not)
/// and what the provider gave. Stored sealed as one piece.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Typed fields by key, the non-secret ones too.
    pub values: BTreeMap<String, Secret>,
    /// Kept from callback, token answer and follow-up calls: placeholders such as `instance_url`.
    pub kept: BTreeMap<String, Secret>,
    pub tokens: Option<Tokens>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    pub access: Secret,
    pub refresh: Option<Secret>,
    /// `None`: the provider did not say.
    pub expires_at: Option<Moment>,
    pub refresh_expires_at: Option<Moment>,
    /// When this pair was issued: the margin before `expires_at` is a share of the lifetime.
    pub issued_at: Moment,
    pub scopes: Vec<String>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Sealable {
    values: BTreeMap<String, String>,
    kept: BTreeMap<String, String>,
    tokens: Option<SealableTokens>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct SealableTokens {
    access: String,
    refresh: Option<String>,
    expires_at: Option<Moment>,
    refresh_expires_at: Option<Moment>,
    issued_at: Moment,
    scopes: Vec<String>,
}

impl Credentials {
    /// A typed value or a kept placeholder.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values
            .get(key)
            .or_else(|| self.kept.get(key))
            .map(Secret::expose)
            .filter(|text| !text.is_empty())
    }

    /// The bytes to seal. Wiped when dropped.
    pub fn to_sealable(&self) -> Zeroizing<Vec<u8>> {
        let plain = |map: &BTreeMap<String, Secret>| {
            map.iter().map(|(k, v)| (k.clone(), v.expose().to_owned())).collect()
        };
        let sealable = Sealable {
            values: plain(&self.values),
            kept: plain(&self.kept),
            tokens: self.tokens.as_ref().map(|t| SealableTokens {
                access: t.access.expose().to_owned(),
                refresh: t.refresh.as_ref().map(|r| r.expose().to_owned()),
                expires_at: t.expires_at,
                refresh_expires_at: t.refresh_expires_at,
                issued_at: t.issued_at,
                scopes: t.scopes.clone(),
            }),
        };
        Zeroizing::new(serde_json::to_vec(&sealable).unwrap_or_default())
    }

    /// What `to_sealable` made; `None` if it is anything else.
    pub fn from_sealable(bytes: &[u8]) -> Option<Self> {
        let plain: Sealable = serde_json::from_slice(bytes).ok()?;
        let secret = |map: BTreeMap<String, String>| {
            map.into_iter().map(|(k, v)| (k, Secret::new(v))).collect()
        };
        Some(Self {
            values: secret(plain.values),
            kept: secret(plain.kept),
            tokens: plain.tokens.map(|t| Tokens {
                access: Secret::new(t.access),
                refresh: t.refresh.map(Secret::new),
                expires_at: t.expires_at,
                refresh_expires_at: t.refresh_expires_at,
                issued_at: t.issued_at,
                scopes: t.scopes,
            }),
        })
    }

    /// Every secret text in it, for the redactor.
    pub fn texts(&self) -> Vec<&str> {
        let tokens =
            self.tokens.iter().flat_map(|t| std::iter::once(&t.access).chain(t.refresh.iter()));
        self.values.values().chain(self.kept.values()).chain(tokens).map(Secret::expose).collect()
    }
}
