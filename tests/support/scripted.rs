//! A provider with one service, whose every grant and call can be looked at, and which misbehaves as a test says.
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use authorizers::crypto::cipher::Place;
use authorizers::domain::authorizers::account;
use authorizers::model::credentials::Credentials;
use authorizers::model::ids::AuthorizerId;
use authorizers::store::authorizers as rows;
use serde_json::{Value, json};

use super::app::TestApp;
use super::client::Client;
use super::line::{Answers, Said, bearer, path, serve};
use super::page::Page;

/// What a revocation does.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Revoking {
    /// It ends the whole family of the token.
    #[default]
    EndsAll,
    /// It says yes and does nothing.
    OnlySaysYes,
    /// Access tokens outlive it.
    LeavesAccess,
}

#[derive(Default)]
pub struct Provider {
    /// Tokens that still work, with their account.
    pub live: HashMap<String, String>,
    /// Refresh tokens that were spent: another use ends the family.
    spent: HashSet<String>,
    serial: u64,
    /// Each call as `path token`, in order.
    pub calls: Vec<String>,
    /// Answers in place of the real ones, by path.
    pub instead: HashMap<&'static str, VecDeque<Said>>,
    /// Refreshes answer after so long; what they do, they do at once.
    pub late: Duration,
    pub revoking: Revoking,
    /// It gives the same tokens again and again.
    pub repeats_tokens: bool,
    /// A dead refresh token is answered with 400 and nothing.
    pub is_mute: bool,
}

impl Provider {
    fn issue(&mut self, account: &str) -> Value {
        if !self.repeats_tokens {
            self.serial += 1;
        }
        let (access, refresh) = (
            format!("access-{account}-{}", self.serial),
            format!("refresh-{account}-{}", self.serial),
        );
        self.live.insert(access.clone(), account.to_owned());
        self.live.insert(refresh.clone(), account.to_owned());
        json!({ "access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 3600 })
    }

    fn token(&mut self, form: &BTreeMap<String, String>) -> Said {
        if form["grant_type"] == "authorization_code" {
            return Said::Json(200, self.issue(&form["code"]));
        }
        let sent = &form["refresh_token"];
        if self.spent.contains(sent)
            && let Some(account) = sent.split('-').nth(1)
        {
            let account = account.to_owned();
            self.end(&account);
        }
        let Some(account) = self.live.get(sent).cloned() else {
            let nothing = "HTTP/1.1 400 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return if self.is_mute {
                Said::Raw(nothing.to_owned())
            } else {
                Said::Json(400, json!({ "error": "invalid_grant" }))
            };
        };
        if !self.repeats_tokens {
            self.live.remove(sent);
            self.spent.insert(sent.clone());
        }
        let answer = self.issue(&account);
        if self.late.is_zero() { Said::Json(200, answer) } else { Said::Late(self.late, answer) }
    }

    /// All tokens of an account are dead.
    pub fn end(&mut self, account: &str) {
        self.live.retain(|_, of| of != account);
    }

    fn revoke(&mut self, form: &BTreeMap<String, String>) -> Said {
        let account = self.live.get(&form["token"]).cloned();
        if let Some(account) = account {
            match self.revoking {
                Revoking::EndsAll => self.end(&account),
                Revoking::OnlySaysYes => {}
                Revoking::LeavesAccess => {
                    self.live.retain(|token, of| *of != account || token.starts_with("access"));
                }
            }
        }
        Said::Json(200, json!({}))
    }

    fn api(&self, token: &str) -> Said {
        match self.live.get(token) {
            Some(account) => Said::Json(
                200,
                json!({ "id": account, "rows": [{ "n": 1 }], "list": [{ "id": "a" }] }),
            ),
            None => Said::Json(401, json!({ "error": "invalid_token" })),
        }
    }

    /// How often `path` was called, and with a token that begins so.
    pub fn count(&self, path: &str, token: &str) -> usize {
        let begin = format!("{path} {token}");
        self.calls.iter().filter(|call| call.starts_with(&begin)).count()
    }

    /// Tokens of an account that still work.
    pub fn living(&self, account: &str) -> Vec<String> {
        let mut tokens: Vec<String> = self
            .live
            .iter()
            .filter(|(_, of)| *of == account)
            .map(|(token, _)| token.clone())
            .collect();
        tokens.sort();
        tokens
    }

    /// The next call of `path` gets this.
    pub fn answers(&mut self, path: &'static str, said: Said) {
        self.instead.entry(path).or_default().push_back(said);
    }
}

impl Answers for Provider {
    fn answer(&mut self, head: &str, body: &str) -> Said {
        let form: BTreeMap<String, String> =
            url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let shown = ["refresh_token", "token", "code"].iter().find_map(|name| form.get(*name));
        let path = path(head).split('?').next().unwrap_or_default().to_owned();
        self.calls.push(format!("{path} {}", shown.map_or_else(|| bearer(head), String::as_str)));
        if let Some(said) = self.instead.get_mut(path.as_str()).and_then(VecDeque::pop_front) {
            return said;
        }
        match path.as_str() {
            "/token" => self.token(&form),
            "/revoke" => self.revoke(&form),
            _ => self.api(bearer(head)),
        }
    }
}

/// The provider, and the services behind it: they differ in how they revoke.
pub struct Scripted {
    provider: Arc<Mutex<Provider>>,
    base: String,
}

/// Its revocation may end all that the OAuth app holds of an account.
pub const SCRIPTED: &str = "scripted";
/// Its revocation ends one grant alone.
pub const ALONE: &str = "scripted-alone";
/// It offers no revocation.
pub const ENDLESS: &str = "scripted-endless";

impl Scripted {
    pub async fn start() -> Self {
        let provider = Arc::new(Mutex::new(Provider::default()));
        let base = serve(Arc::clone(&provider)).await;
        Self { provider, base }
    }

    pub fn provider(&self) -> MutexGuard<'_, Provider> {
        self.provider.lock().unwrap()
    }

    /// The files of its services, by id.
    pub fn files(&self) -> [(&'static str, String); 3] {
        let table =
            "[auth.oauth2.revoke]\nurl = \"BASE/revoke\"\nparams = { token = \"{token}\" }\n";
        [
            (SCRIPTED, self.file(SCRIPTED, table)),
            (ALONE, self.file(ALONE, &format!("{table}alone = true\n"))),
            (ENDLESS, self.file(ENDLESS, "")),
        ]
    }

    fn file(&self, id: &str, revoke: &str) -> String {
        FILE.replace("REVOKE", revoke).replace("BASE", &self.base).replace("ID", id)
    }

    /// Enters the OAuth app of a service, as an admin does.
    pub async fn enter_app(&self, admin: &Client, service: &str) {
        admin.get(&format!("/oauth-apps/new/{service}")).await.expect(200);
        let fields = [("client_id", "client"), ("client_secret", "hush-client-secret")];
        admin.submit("form#app", &fields).await.expect(200);
    }

    /// Authorizes an account through the pages; the page that it ends at.
    pub async fn authorize(&self, client: &Client, service: &str, account: &str) -> Page {
        let back = leave(client, &format!("/authorizers/new/{service}"), account).await;
        client.get(&back).await
    }

    pub async fn reauthorize(&self, client: &Client, path: &str, account: &str) -> Page {
        let back = leave(client, &format!("{path}/reauthorize"), account).await;
        client.get(&back).await
    }
}

const FILE: &str = r#"
schema = 1
[service]
id = "ID"
name = "Scripted"
category = "development"
summary = "For tests."
driver = "http"
docs = "https://example.com/docs"
permission = "None."
[[auth]]
id = "oauth"
label = "Sign in"
[auth.apply]
bearer = "{access_token}"
[auth.oauth2]
authorize = "BASE/authorize"
token = "BASE/token"
hosts = ["127.0.0.1"]
scopes = ["read"]
[auth.oauth2.identity]
get = "BASE/me"
id = "/id"
label = "/id"
REVOKE
[http]
base = "BASE"
[[test]]
step = "identity"
path = "/me"
has = "/id"
identity_id = "/id"
identity_label = "/id"
[source]
field_sets = ["request"]
[[source.setting]]
key = "client"
label = "Client"
kind = "select"
secret = false
load = { get = "/choices", items = "/list", value = "/id", label = "/id" }
[[source.dataset]]
id = "all"
label = "All"
path = "/rows"
query = { client = "{client}" }
rows = "/rows"
[destination]
[[destination.setting]]
key = "table"
label = "Table"
kind = "text"
secret = false
[destination.write_check]
step = "write"
path = "/write"
query = { table = "{table}" }
has = "/id"
[lifetime]
note = "As long as it likes."
provider_page = "https://example.com/connected"
[guide]
app_steps = ["Register it."]
steps = ["Sign in."]
"#;

/// Leaves for the provider; the address that it sends the browser back to with a code of `account`.
pub async fn leave(client: &Client, path: &str, account: &str) -> String {
    client.get(path).await.expect(200);
    back(&client.submit("form#authorizer", &[]).await.expect(200), account)
}

/// Where the provider sends the browser back to.
pub fn back(leaving: &Page, account: &str) -> String {
    let url = leaving.refresh().expect("it leads to the provider");
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    format!("/oauth/callback?state={state}&code={account}")
}

/// Presses *Revoke Token*; the receipt.
pub async fn revoke(client: &Client, path: &str) -> Page {
    client.get(&format!("{path}/revoke")).await.expect(200);
    client.submit("form#revoke", &[]).await.expect(200)
}

/// Lets everything that waits be due, and does what the worker does in a round.
pub async fn next_round(app: &TestApp) {
    for (table, column) in [
        ("withdrawals", "next_try_at"),
        ("authorizers", "next_try_at"),
        ("attempts", "grant_until"),
    ] {
        app.database
            .execute(&format!("UPDATE {table} SET {column} = 1 WHERE {column} IS NOT NULL"));
    }
    authorizers::worker::upkeep::run_once(&app.ctx, &|| false).await.unwrap();
}

/// Waits until something is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = std::time::Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_secs(20), "{what} never comes");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// Waits until activity tells of something that is done in the background.
pub async fn tells(client: &Client, verb: &str, words: &[&str]) {
    let page = format!("/activity?verb={verb}");
    until(verb, async || {
        let shown = client.get(&page).await.shown();
        words.iter().all(|word| shown.contains(word))
    })
    .await;
}

/// Changes what is stored of an authorizer, past the app.
pub async fn reseal(app: &TestApp, id: &AuthorizerId, change: impl FnOnce(&mut Credentials)) {
    let open = account::open_as_is(&app.ctx, id).await;
    let mut open = open.unwrap_or_else(|error| panic!("{error}"));
    change(&mut open.credentials);
    let place = Place { table: "authorizers", column: "sealed", id: id.as_str() };
    let sealed = app.ctx.cipher.seal(place, &open.credentials.to_sealable()).expect("sealed");
    let end = open.credentials.tokens.as_ref().and_then(|tokens| tokens.expires_at);
    let (version, now) = (open.authorizer.credential_version, app.ctx.clock.now());
    app.database.with(|c| rows::update_credentials(c, id, version, &sealed, end, now));
}
