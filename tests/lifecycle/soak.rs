//! Two processes on one PostgreSQL, killed at random, against a provider that misbehaves: no token is lost, nothing is called
//! broken that is not, memory stays flat. Twenty seconds of it here; `SOAK_SECONDS=600 tests/run soak` for as long as one likes.
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use authorizers::model::role::Role;
use serde_json::{Value, json};

use super::dice::Dice;
use super::process::Process;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::Kind;
use crate::support::line::{Answers, Said, bearer, path, serve};

const ACCOUNTS: usize = 20;
/// Tokens live so long that each is renewed again and again.
const LIVES: u64 = 8;

/// It rotates. The token before is good until the new one is used, as with providers that know of lost answers; anything
/// older ends the grant.
struct Grant {
    current: u64,
    /// The one before, while the current one has not been used.
    before: Option<u64>,
    is_dead: bool,
}

struct Provider {
    dice: Dice,
    is_nice: bool,
    grants: HashMap<String, Grant>,
    figures: Figures,
}

#[derive(Debug, Default)]
struct Figures {
    token_calls: u64,
    rotations: u64,
    lost_answers: u64,
    reads: u64,
    faults: u64,
    /// Tokens that came though they were no longer good.
    spent_twice: Vec<String>,
}

impl Provider {
    /// One in twenty of each kind; `None`: it behaves.
    fn mood(&mut self) -> Option<Said> {
        if self.is_nice {
            return None;
        }
        let page = |status: &str, more: &str| {
            let body = "<html>sorry</html>";
            Said::Raw(format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/html\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            ))
        };
        let said = match self.dice.below(20) {
            0 => page("500 Internal Server Error", ""),
            1 => page("503 Service Unavailable", "Retry-After: 1\r\n"),
            2 => page("429 Too Many Requests", "Retry-After: 1\r\n"),
            3 => page("200 OK", ""),
            4 => page("302 Found", "Location: https://elsewhere.example/\r\n"),
            5 => Said::Silence(Duration::from_secs(3)),
            6 => Said::Raw(String::new()),
            _ => return None,
        };
        self.figures.faults += 1;
        Some(said)
    }

    fn token(&mut self, form: &HashMap<String, String>) -> Said {
        self.figures.token_calls += 1;
        let is_first = form["grant_type"] == "authorization_code";
        if !is_first && let Some(said) = self.mood() {
            return said;
        }
        let account = if is_first {
            let account = form["code"].clone();
            self.grants.insert(account.clone(), Grant { current: 1, before: None, is_dead: false });
            account
        } else {
            let sent = &form["refresh_token"];
            let (account, serial) = sent.rsplit_once('/').unwrap();
            let serial: u64 = serial.parse().unwrap();
            let grant = self.grants.get_mut(account).unwrap();
            if grant.is_dead || (serial != grant.current && Some(serial) != grant.before) {
                grant.is_dead = true;
                self.figures.spent_twice.push(format!("{sent}, current {}", grant.current));
                return Said::Json(400, json!({ "error": "invalid_grant" }));
            }
            grant.before = Some(serial);
            grant.current += 1;
            self.figures.rotations += 1;
            account.to_owned()
        };
        let serial = self.grants[&account].current;
        if !is_first && !self.is_nice && self.dice.below(20) == 0 {
            // Rotated, and nobody hears of it.
            self.figures.lost_answers += 1;
            return Said::Raw(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{\"access_tok".to_owned(),
            );
        }
        let answer = json!({ "access_token": format!("a/{account}/{serial}"), "refresh_token": format!("{account}/{serial}"),
            "token_type": "Bearer", "expires_in": LIVES });
        Said::Json(200, answer)
    }

    fn read(&mut self, head: &str) -> Said {
        self.figures.reads += 1;
        if let Some(said) = self.mood() {
            return said;
        }
        let account = bearer(head).strip_prefix("a/").and_then(|rest| rest.rsplit_once('/'));
        let Some((account, serial)) = account else {
            return Said::Json(401, json!({}));
        };
        let Some(grant) = self.grants.get_mut(account).filter(|grant| !grant.is_dead) else {
            return Said::Json(401, json!({}));
        };
        if serial == grant.current.to_string() {
            grant.before = None;
        }
        Said::Json(200, json!({ "id": account, "rows": [{ "n": 1 }] }))
    }
}

impl Answers for Provider {
    fn answer(&mut self, head: &str, body: &str) -> Said {
        match path(head) {
            "/token" => {
                self.token(&url::form_urlencoded::parse(body.as_bytes()).into_owned().collect())
            }
            _ => self.read(head),
        }
    }
}

fn file(base: &str) -> String {
    format!(
        "schema = 1\n[service]\nid = \"moody\"\nname = \"Moody\"\ncategory = \"development\"\nsummary = \"It misbehaves.\"\ndriver = \"http\"\n\
         docs = \"https://example.com/docs\"\npermission = \"None.\"\n[[auth]]\nid = \"oauth\"\nlabel = \"Sign in\"\n\
         [auth.apply]\nbearer = \"{{access_token}}\"\n[auth.oauth2]\nauthorize = \"{base}/authorize\"\ntoken = \"{base}/token\"\n\
         hosts = [\"127.0.0.1\"]\nscopes = [\"read\"]\n[auth.oauth2.identity]\nget = \"{base}/me\"\nid = \"/id\"\nlabel = \"/id\"\n\
         [http]\nbase = \"{base}\"\n[[test]]\nstep = \"identity\"\npath = \"/me\"\nhas = \"/id\"\n\
         [source]\nfield_sets = [\"request\"]\n[[source.dataset]]\nid = \"all\"\nlabel = \"All\"\npath = \"/me\"\nrows = \"/rows\"\n\
         [lifetime]\nnote = \"As long as it likes.\"\n[guide]\napp_steps = [\"x\"]\nsteps = [\"x\"]\n"
    )
}

/// Authorizes one account through the pages of a process; the provider needs no log-in page, the code is the account's name.
async fn authorize(client: &Client, number: usize) {
    client.get("/authorizers/new/moody").await.expect(200);
    let leaving = client
        .submit("form#authorizer", &[("name", &format!("Account {number}"))])
        .await
        .expect(200);
    let url = leaving.refresh().expect("it leads to the provider");
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    client.get(&format!("/oauth/callback?state={state}&code=account-{number}")).await.expect(200);
}

/// Reads with one account after the other until told to stop: whatever the provider does, a page comes.
async fn read(client: Client, ids: Vec<String>, seed: u64, until: Instant) -> HashMap<u16, u64> {
    let mut dice = Dice(seed);
    let mut seen = HashMap::new();
    client.get("/sources/new/moody").await.expect(200);
    client
        .submit("form#flow", &[("name", "Rows"), ("authorizer", &ids[0]), ("action", "load")])
        .await
        .expect(200);
    while Instant::now() < until {
        let id = &ids[usize::try_from(dice.below(ids.len() as u64)).unwrap()];
        let fields = [("authorizer", id.as_str()), ("s.dataset", "all"), ("action", "test")];
        let status = client.tab().submit("form#flow", &fields).await.status;
        *seen.entry(status).or_default() += 1;
        // Other tests run beside this one.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    seen
}

/// A process with readers; they end with it.
struct Pair {
    process: Process,
    readers: Vec<tokio::task::JoinHandle<HashMap<u16, u64>>>,
    born: Instant,
}

impl Pair {
    async fn start(
        app: &TestApp,
        name: &str,
        ids: &[String],
        (seed, until): (u64, Instant),
    ) -> Self {
        let process = Process::start(app, name, &app.folder().join("moody")).await;
        let client = process.sign_in("owner@example.com").await;
        let readers = (0..2)
            .map(|number| tokio::spawn(read(client.tab(), ids.to_vec(), seed + number, until)))
            .collect();
        Self { process, readers, born: Instant::now() }
    }

    fn kill(self) {
        self.readers.iter().for_each(tokio::task::JoinHandle::abort);
        self.process.kill();
    }
}

fn count(app: &TestApp, what: &str) -> String {
    app.database
        .value(&format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM authorizers WHERE {what}"))
}

const BROKEN: &str = "health IN ('needs_reauthorization', 'misconfigured', 'locked')";

#[expect(clippy::disallowed_methods, reason = "a setting of the test, not of the app")]
fn seconds() -> u64 {
    std::env::var("SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

#[expect(clippy::print_stdout, reason = "a long run is made for its figures")]
fn report(figures: &str) {
    println!("{figures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_everything_fails() {
    let long = seconds();
    let app = TestApp::start(Kind::Postgres).await;
    app.person(Role::Owner).await;
    let provider = Provider {
        dice: Dice(long),
        is_nice: true,
        grants: HashMap::new(),
        figures: Figures::default(),
    };
    let provider = Arc::new(Mutex::new(provider));
    let folder = app.folder().join("moody");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("moody.toml"), file(&serve(Arc::clone(&provider)).await)).unwrap();
    let first = Process::start(&app, "first", &folder).await;
    let client = first.sign_in("owner@example.com").await;
    client.get("/oauth-apps/new/moody").await.expect(200);
    client
        .submit("form#app", &[("client_id", "client"), ("client_secret", "secret")])
        .await
        .expect(200);
    for number in 0..ACCOUNTS {
        authorize(&client, number).await;
    }
    let ids: Vec<String> = (0..ACCOUNTS)
        .map(|number| {
            app.database.value(&format!(
                "SELECT id AS value FROM authorizers WHERE name = 'Account {number}'"
            ))
        })
        .collect();
    drop((client, first));

    provider.lock().unwrap().is_nice = false;
    let (mut dice, until) = (Dice(long ^ 7), Instant::now() + Duration::from_secs(long));
    let mut steady = Pair::start(&app, "steady", &ids, (1, until)).await;
    let mut victim = Pair::start(&app, "victim", &ids, (100, until)).await;
    let (mut kills, mut memory, mut broken) = (0, Vec::new(), 0);
    let mut next_kill = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(500)).await;
        broken = broken.max(count(&app, BROKEN).parse::<u64>().unwrap());
        memory.push((steady.born.elapsed().as_secs(), steady.process.resident()));
        if Instant::now() >= next_kill {
            kills += 1;
            // The steady one falls once, half-way; what it held before and after is compared.
            let is_half = steady.born.elapsed().as_secs() * 2 >= long && kills % 2 == 0;
            let fallen = if is_half && long > 60 { &mut steady } else { &mut victim };
            let reborn =
                Pair::start(&app, &format!("reborn-{kills}"), &ids, (kills * 1000, until)).await;
            std::mem::replace(fallen, reborn).kill();
            next_kill = Instant::now() + Duration::from_millis(1500 + dice.below(9000));
        }
    }
    let mut pages: HashMap<u16, u64> = HashMap::new();
    for reader in
        std::mem::take(&mut steady.readers).into_iter().chain(std::mem::take(&mut victim.readers))
    {
        for (status, number) in reader.await.unwrap_or_default() {
            *pages.entry(status).or_default() += number;
        }
    }
    recovers(&app, &provider, &steady.process, &ids).await;

    let old = |seconds: u64| {
        memory
            .iter()
            .filter(|(age, _)| *age >= seconds)
            .map(|(_, kilobytes)| *kilobytes)
            .collect::<Vec<_>>()
    };
    let settled = old(long.min(60) / 2);
    let (low, high) =
        (settled.iter().min().copied().unwrap_or(0), settled.iter().max().copied().unwrap_or(0));
    let provider = provider.lock().unwrap();
    let figures = &provider.figures;
    report(&format!(
        "{long} s, {kills} kills, {figures:?}, pages by status {pages:?}, memory once settled {low} to {high} KB, at most {broken} broken at a time"
    ));
    assert_eq!(
        figures.spent_twice,
        Vec::<String>::new(),
        "a token was used that was no longer good"
    );
    assert_eq!(broken, 0, "something was called broken that was not");
    assert!(
        figures.rotations > long && figures.faults > long / 2 && kills > 1,
        "too little happened: {figures:?}, {kills}"
    );
    assert!(pages.keys().all(|status| [200, 422].contains(status)), "{pages:?}");
    assert!(high < low * 3 / 2 + 4096, "memory grows: {low} to {high} KB");
}

/// The provider behaves again: everything works again, each with the token that the provider knows.
async fn recovers(
    app: &TestApp,
    provider: &Arc<Mutex<Provider>>,
    process: &Process,
    ids: &[String],
) {
    provider.lock().unwrap().is_nice = true;
    let client = process.sign_in("owner@example.com").await;
    for id in ids {
        client.get(&format!("/authorizers/{id}")).await.expect(200);
        client.submit("form[action$='/test']", &[]).await.expect(200);
    }
    let started = Instant::now();
    while count(app, "health <> 'ok'") != "0" {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{} do not recover",
            count(app, "health <> 'ok'")
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let dead: Vec<Value> = provider
        .lock()
        .unwrap()
        .grants
        .iter()
        .filter(|(_, grant)| grant.is_dead)
        .map(|(name, _)| json!(name))
        .collect();
    assert_eq!(dead, Vec::<Value>::new());
}
