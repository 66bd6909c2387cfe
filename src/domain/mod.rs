//! The verbs. Every function takes the context, who acts, and what was asked; each checks its permission itself.
pub mod account;
pub mod activity;
pub mod actor;
pub mod authorizers;
pub mod calendar;
pub mod drafts;
pub mod error;
pub mod fields;
pub mod flows;
pub mod housekeeping;
pub mod members;
pub mod memo;
pub mod notices;
pub mod oauth_apps;
pub mod readiness;
pub mod requests;
pub mod service_files;
pub mod standing;
pub mod submissions;
pub mod swaps;
pub mod tasks;
pub mod webhooks;
pub mod withdrawals;

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::crypto::Cipher;
use crate::outbound::Outbound;
use crate::store::Db;

pub use actor::Actor;
pub use error::Error;

/// What verbs work with. Cheap to clone.
#[derive(Clone)]
pub struct Ctx {
    pub db: Db,
    pub outbound: Outbound,
    pub catalog: Arc<Catalog>,
    pub clock: Clock,
    pub cipher: Cipher,
    pub site: Arc<Site>,
    pub standing: Arc<standing::Standing>,
    pub readiness: readiness::Readiness,
    /// What every page says beside its own matter.
    pub known: Arc<account::session::Known>,
    /// Calls that go on when nobody waits for them any more.
    pub tasks: Arc<tasks::Tasks>,
    /// Words mails.
    pub letters: Arc<dyn notices::Letters>,
}

impl Ctx {
    /// A form that is finished and starts from nothing.
    pub fn asked(&self) -> fields::Asked<'static> {
        fields::Asked { stored: &[], http_allowed: self.site.is_http_allowed, is_partial: false }
    }
}

/// Facts about this installation that pages and verbs need.
#[derive(Clone, Debug)]
pub struct Site {
    /// `https://authorizers.example.com`, without a slash at the end.
    pub public_url: String,
    /// Names this process in leases.
    pub instance: String,
    /// `http://` addresses are taken: the operator opened networks. Where they lead is checked at the call.
    pub is_http_allowed: bool,
    /// How often what has no token to renew is tested without being asked; `None`: never.
    pub retest_every: Option<Duration>,
    /// So long activity and tests are kept.
    pub keep_activity: Duration,
    /// The sandbox service and the sample data are there.
    pub is_demo: bool,
}

impl Site {
    /// The redirect URL to register at every service.
    pub fn redirect_uri(&self) -> String {
        format!("{}/oauth/callback", self.public_url)
    }
}
