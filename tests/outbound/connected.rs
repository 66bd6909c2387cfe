//! An account of an OAuth service whose every host is the scripted server.
use std::time::Duration;

use authorizers::catalog::{Catalog, Service};
use authorizers::clock::Clock;
use authorizers::model::credentials::{Credentials, Secret, Tokens};
use authorizers::model::oauth_app::OAuthClient;
use authorizers::model::report::Fault;
use authorizers::model::time::Moment;
use authorizers::outbound::oauth::{Arrival, Grant};
use authorizers::outbound::policy::Policy;
use authorizers::outbound::{Account, Outbound};

use crate::support::fake::Fake;
use crate::support::server::root;

pub const NOW: Moment = Moment::from_micros(1_800_000_000_000_000);
pub const REDIRECT: &str = "https://us.example/oauth/callback";
pub const CLIENT_SECRET: &str = "cl1ent/s3cret+x y";
pub const CODE: &str = "c0de-of-one-use";

/// A service without a dialect.
const PLAIN: &str = r#"
schema = 1

[service]
id = "plain"
name = "Plain"
category = "development"
summary = "By the letter of RFC 6749."
driver = "http"
docs = "https://example.com/docs"
permission = "None."

[[auth]]
id = "oauth"
label = "Sign in"

[auth.apply]
bearer = "{access_token}"

[auth.oauth2]
authorize = "https://plain.test/authorize"
token = "https://plain.test/token"
hosts = ["plain.test"]
scopes = ["read", "offline_access"]
#more

[auth.oauth2.identity]
get = "https://plain.test/me"
id = "/id"
label = "/email"
#revoke

[http]
base = "https://plain.test"

[[test]]
step = "identity"
path = "/me"
has = "/id"
identity_id = "/id"
identity_label = "/email"

[source]
field_sets = ["request"]

[[source.dataset]]
id = "me"
label = "Oneself"
path = "/me"
rows = ""

[lifetime]
known = true
note = "A year."

[guide]
app_steps = ["Register an app."]
steps = ["Sign in."]
"#;

const KEPT_IDENTITY: &str = "id = \"{user_id}\"\nlabel = \"{user_id}\"";
const KEPT_TEST_IDENTITY: &str = "identity_id = \"{user_id}\"\nidentity_label = \"{user_id}\"";
const KEEPS: &str = "[[auth.oauth2.keep]]\nfrom = \"token:/user_id\"\nto = \"user_id\"";

pub struct Connected {
    service: Service,
    pub credentials: Credentials,
    pub app: OAuthClient,
}

/// `https://host/path` becomes `/host/path` at the server: which host was meant stays visible.
fn pointed(text: &str, fake: &Fake) -> String {
    let address = regex::Regex::new(
        r#"(?m)(^(?:authorize|token|refresh|url|base|path) = "|\bget = ")https://"#,
    )
    .unwrap();
    let hosts = regex::Regex::new(r"(?m)^hosts = .*$").unwrap();
    let text = address.replace_all(text, format!("${{1}}{}", fake.url("/")));
    hosts.replace_all(&text, r#"hosts = ["127.0.0.1"]"#).into_owned()
}

impl Connected {
    fn new(id: &str, text: &str) -> Self {
        let catalog = Catalog::of(&[(&format!("{id}.toml"), text)], false);
        let service =
            catalog.get(id).unwrap_or_else(|| panic!("{:?}\n{text}", catalog.broken())).clone();
        let app = OAuthClient {
            client_id: "cl:ient".to_owned(),
            client_secret: Some(Secret::new(CLIENT_SECRET)),
        };
        Self { service, credentials: Credentials::default(), app }
    }

    /// A service of ours, its hosts turned into paths of the server.
    pub fn shipped(id: &str, fake: &Fake) -> Self {
        Self::new(id, &pointed(&text_of(id), fake))
    }

    /// A service of ours as it is.
    pub fn real(id: &str) -> Self {
        Self::new(id, &text_of(id))
    }

    /// `more` are lines of its `[auth.oauth2]`, `revoke` a table behind that.
    pub fn plain(fake: &Fake, more: &str, revoke: &str) -> Self {
        Self::new("plain", &pointed(&PLAIN.replace("#more", more).replace("#revoke", revoke), fake))
    }

    /// As `plain`; who signed in is known from what was kept, and no call asks for it.
    pub fn plain_of_kept(fake: &Fake, revoke: &str) -> Self {
        let text = PLAIN
            .replace(
                "get = \"https://plain.test/me\"\nid = \"/id\"\nlabel = \"/email\"",
                KEPT_IDENTITY,
            )
            .replace("identity_id = \"/id\"\nidentity_label = \"/email\"", KEPT_TEST_IDENTITY)
            .replace("#more", KEEPS)
            .replace("#revoke", revoke);
        Self::new("plain", &pointed(&text, fake)).kept("user_id", "7")
    }

    /// With a rule for what answers of its API mean.
    pub fn plain_with_rule(fake: &Fake, rule: &str) -> Self {
        let text = PLAIN.replace("[[test]]", &format!("{rule}\n[[test]]"));
        Self::new("plain", &pointed(&text.replace("#more", "").replace("#revoke", ""), fake))
    }

    /// The same with another token address, which may have placeholders.
    pub fn plain_at(fake: &Fake, token: &str, more: &str, revoke: &str) -> Self {
        let text = PLAIN.replace("#more", more).replace("#revoke", revoke);
        Self::new("plain", &pointed(&text.replace("https://plain.test/token", token), fake))
    }

    pub fn typed(mut self, key: &str, value: &str) -> Self {
        self.credentials.values.insert(key.to_owned(), Secret::new(value));
        self
    }

    pub fn kept(mut self, key: &str, value: &str) -> Self {
        self.credentials.kept.insert(key.to_owned(), Secret::new(value));
        self
    }

    pub fn holds(mut self, access: &str, refresh: &str) -> Self {
        self.credentials.tokens = Some(Tokens {
            access: Secret::new(access),
            refresh: Some(Secret::new(refresh)).filter(|token| !token.is_empty()),
            expires_at: None,
            refresh_expires_at: None,
            issued_at: NOW,
            scopes: vec!["read".to_owned()],
        });
        self
    }

    pub fn account(&self) -> Account<'_> {
        let auth = self.service.auths.first().expect("a way to authorize");
        Account {
            service: &self.service,
            auth,
            credentials: &self.credentials,
            app: Some(&self.app),
        }
    }

    /// A callback with a code and a state, unless `more` says otherwise.
    pub async fn exchange(&self, out: &Outbound, more: &[(&str, &str)]) -> Result<Grant, Fault> {
        let is_said = |name: &str| more.iter().any(|(other, _)| *other == name);
        let usual = [("code", CODE), ("state", "st4te")];
        let mut params: Vec<_> = usual.into_iter().filter(|(name, _)| !is_said(name)).collect();
        params.extend(more);
        self.exchange_exactly(out, &params).await
    }

    /// A callback with these parameters and no others; a name may be there twice.
    pub async fn exchange_exactly(
        &self,
        out: &Outbound,
        params: &[(&str, &str)],
    ) -> Result<Grant, Fault> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let arrival = Arrival {
            params: params.iter().map(owned).collect(),
            verifier: Some(Secret::new("ver1fier")),
            redirect_uri: REDIRECT.to_owned(),
        };
        let redeemed = out.redeem(&self.account(), &arrival).await?;
        if let Some(fault) = redeemed.fault {
            return Err(fault);
        }
        let credentials = Credentials {
            kept: redeemed.kept,
            tokens: Some(redeemed.tokens),
            ..self.credentials.clone()
        };
        out.prove(&Account { credentials: &credentials, ..self.account() }).await
    }
}

fn text_of(id: &str) -> String {
    std::fs::read_to_string(root().join(format!("src/catalog/services/{id}.toml")))
        .expect("a service of ours")
}

/// May call the scripted server, and has no patience.
pub fn out() -> Outbound {
    patient(Duration::from_secs(5))
}

pub fn patient(longest: Duration) -> Outbound {
    let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()] };
    Outbound::with_patience(policy, Clock::fixed(NOW), longest)
}

/// A grant is not `Debug`.
#[track_caller]
pub fn refused<T>(result: Result<T, Fault>, why: &str) -> Fault {
    match result {
        Ok(_) => panic!("{why}: it was taken for a success"),
        Err(fault) => fault,
    }
}
