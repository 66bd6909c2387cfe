//! `FieldSpec`: one field of a form, for credentials and for settings alike.
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    /// `[a-z][a-z0-9_]*`; unique in its form.
    pub key: String,
    pub label: String,
    pub kind: FieldKind,
    /// Mandatory, without a default: is this value a secret? Drives display; everything is sealed.
    pub secret: bool,
    /// This value decides where secrets are sent: when it changes, the secrets must be typed again.
    /// Mandatory for kinds `host`, `port` and `url`.
    pub destination: Option<bool>,
    #[serde(default = "yes")]
    pub required: bool,
    pub help: Option<String>,
    pub default: Option<String>,
    pub placeholder: Option<String>,
    /// The HTML `autocomplete` token.
    pub autocomplete: Option<String>,
    /// A regular expression that the whole value must match, and how to say so.
    pub pattern: Option<String>,
    pub pattern_hint: Option<String>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    #[serde(default)]
    pub options: Vec<Choice>,
    /// Only asked when another field of the form has one of these values.
    pub when: Option<When>,
    /// Heading it stands under.
    pub group: Option<String>,
    /// In a closed disclosure, for what most people leave alone.
    #[serde(default)]
    pub advanced: bool,
    /// Another value is another account: a change of it is a switch.
    #[serde(default)]
    pub immutable: bool,
    /// With `destination`: another value leads to the same account on another way (a certificate, a fingerprint). Secrets
    /// are typed again, and it is no switch.
    #[serde(default)]
    pub same_account: bool,
    /// What the text must be beyond its kind.
    pub format: Option<Format>,
    /// With `format = "private_key"`: the field that has the key's passphrase.
    pub passphrase_in: Option<String>,
    /// For `secret_file`: file name endings, `.pem,.crt`.
    pub accept: Option<String>,
    /// Default 4096 characters; 65536 for files.
    pub max_bytes: Option<usize>,
    /// Choices are loaded from the service with the chosen account.
    pub load: Option<Load>,
    /// Two short fields side by side: `host` + `port`.
    #[serde(default)]
    pub half: bool,
    /// `secret = false` although the key or label sounds like one: why.
    pub not_secret_because: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    Text,
    Multiline,
    Email,
    /// Host name or address, without scheme or port.
    Host,
    Port,
    /// https address (http only where the operator opened it).
    Url,
    Integer,
    Boolean,
    /// Drop-down.
    Select,
    /// Radio cards, each with help; other fields depend on it by `when`.
    Choice,
    Secret,
    SecretMultiline,
    /// Paste or upload.
    SecretFile,
    Json,
    /// A read-only text, no value.
    Note,
}

/// A text that is recognised, so that the usual mix-ups are named while the form is still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// OpenSSH or PEM; not a public key, not PuTTY's.
    PrivateKey,
    /// One or more certificates in PEM.
    Certificate,
    /// Stays below what requests begin with: no `..` between slashes.
    Path,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub help: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    pub field: String,
    pub is: Vec<String>,
}

/// Where the choices of a setting come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// A list that the driver knows: `schemas`, `tables`, `columns`, `buckets`, `folders`, `files`.
    pub list: Option<String>,
    /// Or a GET of the HTTP service (path under `http.base`, or a whole address on an allowed host; placeholders allowed).
    pub get: Option<String>,
    /// With `get`: the address is POSTed with this JSON body instead.
    pub body: Option<serde_json::Value>,
    /// JSON pointer to the array; `*` walks every element of an array on the way.
    #[serde(default)]
    pub items: String,
    /// JSON pointers within one item; empty: the item itself.
    #[serde(default)]
    pub value: String,
    #[serde(default)]
    pub label: String,
    /// A prefix to cut from the value, such as `properties/`.
    pub strip: Option<String>,
    /// Keys of settings that must be filled first.
    #[serde(default)]
    pub needs: Vec<String>,
}

fn yes() -> bool {
    true
}

impl FieldSpec {
    /// Whether the field is asked for, given the values of the same form.
    pub fn is_asked(&self, values: &crate::model::values::Values) -> bool {
        self.is_asked_by(|key| values.get(key).map(String::as_str))
    }

    /// The same, however the values are kept.
    pub fn is_asked_by<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.when.as_ref().is_none_or(|when| {
            value(&when.field).is_some_and(|value| when.is.iter().any(|is| is == value))
        })
    }

    /// Nothing to fill in.
    pub fn is_note(&self) -> bool {
        self.kind == FieldKind::Note
    }

    /// `pattern`, held to the whole value.
    pub fn whole_pattern(&self) -> Option<Result<regex::Regex, regex::Error>> {
        self.pattern.as_ref().map(|pattern| regex::Regex::new(&format!("^(?:{pattern})$")))
    }

    /// The most bytes that a value may have.
    pub fn limit(&self) -> usize {
        self.max_bytes.unwrap_or(match self.kind {
            FieldKind::SecretFile | FieldKind::Json | FieldKind::SecretMultiline => 65_536,
            _ => 4_096,
        })
    }

    pub fn is_destination(&self) -> bool {
        self.destination.unwrap_or(false)
    }

    /// Secrets that were typed with another value of it are not used with this one.
    pub fn binds_secrets(&self) -> bool {
        self.is_destination() || self.immutable
    }

    /// Another value of it is, or may be, another account.
    pub fn tells_account(&self) -> bool {
        (self.is_destination() && !self.same_account) || self.immutable
    }
}
