//! `[service]` and what belongs to it: one file of the catalogue.
use std::collections::BTreeMap;

use serde::Deserialize;

use super::auth::AuthSpec;
use super::field::FieldSpec;
use super::http::{HttpSpec, Method, TestSpec};
use crate::model::ids::ServiceId;

/// One service's file, linted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The version of this vocabulary: 1.
    pub schema: u32,
    #[serde(rename = "service")]
    pub head: Head,
    /// How to authorize: one or several ways; several draw a first step.
    #[serde(rename = "auth")]
    pub auths: Vec<AuthSpec>,
    /// How its HTTP API is called; absent for databases and storage.
    pub http: Option<HttpSpec>,
    /// Ordered steps of a test of an HTTP service; databases and storage bring their own.
    #[serde(default, rename = "test")]
    pub tests: Vec<TestSpec>,
    pub source: Option<FlowSpec>,
    pub destination: Option<FlowSpec>,
    #[serde(default)]
    pub lifetime: Lifetime,
    #[serde(default)]
    pub guide: Guide,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    pub id: ServiceId,
    pub name: String,
    pub category: Category,
    /// One line under the name.
    pub summary: String,
    /// Which code speaks to it.
    pub driver: Driver,
    /// https address of the service's own documentation.
    pub docs: String,
    /// Symbol in `static/logos.svg`; without one, a letter tile is drawn.
    pub logo: Option<String>,
    /// Other words to find it by.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// The permission level that the account needs, one sentence.
    pub permission: String,
    /// Only offered by `demo`.
    #[serde(default)]
    pub demo: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    Http,
    Postgresql,
    Mysql,
    S3,
    Sftp,
}

impl Driver {
    /// As service files write it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Postgresql => "postgresql",
            Self::Mysql => "mysql",
            Self::S3 => "s3",
            Self::Sftp => "sftp",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    Advertising,
    Analytics,
    Commerce,
    Crm,
    Finance,
    Marketing,
    Productivity,
    Support,
    Development,
    Database,
    Storage,
    Custom,
}

/// What a source reads or a destination writes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowSpec {
    /// The service's own settings, in order.
    #[serde(default, rename = "setting")]
    pub settings: Vec<FieldSpec>,
    /// Shared field sets put behind `settings`: `request`, `table_read`, `table_write`, `file_read`, `file_write`.
    #[serde(default)]
    pub field_sets: Vec<String>,
    /// Ready-made reads of an HTTP service; offered beside a free request.
    #[serde(default, rename = "dataset")]
    pub datasets: Vec<Dataset>,
    /// A harmless request that proves the right to write (HTTP services as destinations).
    pub write_check: Option<TestSpec>,
}

/// A read of an HTTP service that its file describes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    pub id: String,
    pub label: String,
    /// GET, or POST if there is a body.
    pub method: Option<Method>,
    /// Path under `http.base`, or a whole https address on an allowed host; placeholders allowed, settings too.
    pub path: String,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// JSON body with placeholders, for POST.
    pub body: Option<serde_json::Value>,
    /// JSON pointer to the array of rows; empty: the answer itself.
    #[serde(default)]
    pub rows: String,
    /// For rows that are lists, not objects: JSON pointers into the answer to the names of the columns, in order;
    /// `*` walks every element (`/schema/fields/*/name`).
    #[serde(default)]
    pub columns: Vec<String>,
    /// With `columns`: JSON pointers within one row to its cells, in the same order (`/f/*/v`).
    #[serde(default)]
    pub cells: Vec<String>,
    /// Rows are lists of cells, and the first one has the names of the columns.
    #[serde(default)]
    pub first_row_names: bool,
    /// OAuth scopes that it needs; each is among those that the service's file asks for.
    #[serde(default)]
    pub scopes: Vec<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl Dataset {
    pub fn method(&self) -> Method {
        Method::or_usual(self.method, self.body.is_some())
    }
}

/// How long a grant lives, in days unless said otherwise.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifetime {
    /// A person must come back after this long, whatever we do.
    pub reauthorize_days: Option<u32>,
    /// Ends when it was not refreshed for this long.
    pub idle_days: Option<u32>,
    /// True: the figures are the service's published ones; false: an estimate.
    #[serde(default)]
    pub known: bool,
    /// One sentence for people.
    pub note: Option<String>,
    /// The service's page where our access can be seen and removed.
    pub provider_page: Option<String>,
}

/// The guide page: what is asked, where to find it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guide {
    /// Steps for the admin who registers the OAuth app.
    #[serde(default)]
    pub app_steps: Vec<String>,
    /// Steps for whoever authorizes.
    #[serde(default)]
    pub steps: Vec<String>,
    #[serde(default)]
    pub notes: Vec<String>,
    /// Statements or policy to copy (`GRANT ...`), shown in a read-only box. `{user}` and the like stay as they are.
    pub grants: Option<String>,
}

impl Category {
    /// In the order in which pages show them.
    pub const ALL: [Self; 12] = [
        Self::Advertising,
        Self::Analytics,
        Self::Commerce,
        Self::Crm,
        Self::Marketing,
        Self::Support,
        Self::Finance,
        Self::Productivity,
        Self::Development,
        Self::Database,
        Self::Storage,
        Self::Custom,
    ];

    /// In addresses and ids.
    pub fn code(self) -> &'static str {
        match self {
            Self::Advertising => "advertising",
            Self::Analytics => "analytics",
            Self::Commerce => "commerce",
            Self::Crm => "crm",
            Self::Finance => "finance",
            Self::Marketing => "marketing",
            Self::Productivity => "productivity",
            Self::Support => "support",
            Self::Development => "development",
            Self::Database => "database",
            Self::Storage => "storage",
            Self::Custom => "custom",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Advertising => "Advertising",
            Self::Analytics => "Analytics",
            Self::Commerce => "Commerce and payments",
            Self::Crm => "CRM",
            Self::Finance => "Accounting",
            Self::Marketing => "E-mail marketing",
            Self::Productivity => "Productivity",
            Self::Support => "Support",
            Self::Development => "Development",
            Self::Database => "Databases and warehouses",
            Self::Storage => "Files and storage",
            Self::Custom => "Your own",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.code() == code)
    }
}

impl Service {
    pub fn id(&self) -> &ServiceId {
        &self.head.id
    }

    pub fn auth(&self, id: &str) -> Option<&AuthSpec> {
        self.auths.iter().find(|auth| auth.id == id)
    }

    /// How long an authorization of this way lives.
    pub fn lifetime_of(&self, auth_id: &str) -> &Lifetime {
        self.auth(auth_id).and_then(|auth| auth.lifetime.as_ref()).unwrap_or(&self.lifetime)
    }

    pub fn flow(&self, kind: crate::model::flow::FlowKind) -> Option<&FlowSpec> {
        match kind {
            crate::model::flow::FlowKind::Source => self.source.as_ref(),
            crate::model::flow::FlowKind::Destination => self.destination.as_ref(),
        }
    }
}
