//! Refreshes in real processes, on a real server that rotates its tokens and ends the grant when an old one comes again:
//! many callers at once, and a process that is killed at each step.
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use authorizers::catalog::Catalog;
use authorizers::clock::Clock;
use authorizers::domain::authorizers::account;
use authorizers::domain::{Ctx, Error};
use authorizers::model::cause::Cause;
use authorizers::model::ids::AuthorizerId;
use authorizers::outbound::Outbound;
use authorizers::outbound::policy::Policy;
use authorizers::store::Place;
use diesel::connection::SimpleConnection;

use super::gate::Gate;
use super::process::Process;
use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::fake::{Fake, Reply};

/// An authorizer of Acme whose access token has ended, and whose next one lives for an hour.
pub async fn ended(app: &TestApp) -> (Client, AuthorizerId) {
    let owner = app.set_up().await;
    acme::enter_app(app, &owner).await;
    let path = acme::authorize(app, &owner, "Ads", "ann@example.com", Answer::Allow)
        .await
        .expect(200)
        .path();
    let id = AuthorizerId::from(path.rsplit('/').next().unwrap());
    acme::end_access_token(app, &id).await;
    (owner, id)
}

/// A folder with Acme's file, whose token endpoint is somewhere else.
fn services(app: &TestApp, name: &str, token_url: &str) -> PathBuf {
    let folder = app.folder().join(name);
    std::fs::create_dir(&folder).unwrap();
    let text = app
        .acme()
        .service_file()
        .replace("hosts = [\"127.0.0.2\"]", "hosts = [\"127.0.0.1\", \"127.0.0.2\"]");
    let text = text.replace(
        &format!("token = \"{}/token\"", app.acme().base()),
        &format!("token = \"{token_url}\""),
    );
    assert!(text.contains(token_url));
    std::fs::write(folder.join("acme-reports.toml"), text).unwrap();
    acme::unbind(app);
    folder
}

/// The process that comes after a killed one: a minute later, its lease has run out.
fn successor(app: &TestApp) -> Ctx {
    let clock = Clock::fixed(app.ctx.clock.now().plus(Duration::from_secs(60)));
    let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()] };
    Ctx { outbound: Outbound::with_clock(policy, clock.clone()), clock, ..app.ctx.clone() }
}

async fn token(ctx: &Ctx, id: &AuthorizerId) -> Result<String, Cause> {
    match account::open(ctx, id).await {
        Ok(open) => Ok(open.account().value("access_token").unwrap().to_owned()),
        Err(Error::Fault(fault)) => Err(fault.cause),
        Err(other) => panic!("{other:?}"),
    }
}

/// Begins a test by a click, in a process that goes to `token_url`; the process, once `is_there` says that it has come so far.
async fn click(
    app: &TestApp,
    id: &AuthorizerId,
    token_url: &str,
    is_there: impl Fn() -> bool,
) -> Process {
    let process = Process::start(app, "victim", &services(app, "victim-services", token_url)).await;
    let client = process.sign_in("owner@example.com").await;
    client.get(&format!("/authorizers/{id}")).await.expect(200);
    let tab = client.tab();
    let pressed = tokio::spawn(async move { tab.submit("form[action$='/test']", &[]).await });
    let started = Instant::now();
    while !is_there() {
        assert!(started.elapsed() < Duration::from_secs(20), "it never came so far");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    pressed.abort();
    process
}

/// Nobody can write until some time after `is_answered`: SQLite is locked for longer than a connection
/// waits for a lock, and on PostgreSQL, where it would wait, a table is missing for a moment.
fn take_away(url: &str, is_sqlite: bool, is_answered: impl Fn() -> bool) {
    let mut conn = Place::parse(url).unwrap().connect().unwrap();
    let (taken, back, time) = if is_sqlite {
        ("BEGIN EXCLUSIVE", "COMMIT", Duration::from_secs(6))
    } else {
        let renamed = "ALTER TABLE authorizers RENAME TO authorizers_away";
        (renamed, "ALTER TABLE authorizers_away RENAME TO authorizers", Duration::from_secs(1))
    };
    conn.batch_execute(taken).unwrap();
    while !is_answered() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(time);
    conn.batch_execute(back).unwrap();
}

with_app! { start_apart;
    async fn fifty_callers_in_two_processes_make_one_token_call(app: TestApp) {
        let (_, id) = ended(&app).await;
        let folder = app.folder().join("services");
        let before = app.acme().calls("/token").await;
        // Their workers find it due at the start, too.
        let (first, second) = tokio::join!(Process::start(&app, "first", &folder), Process::start(&app, "second", &folder));
        let people = [first.sign_in("owner@example.com").await, second.sign_in("owner@example.com").await];
        for person in &people {
            person.get("/sources/new/acme-reports").await.expect(200);
        }
        let callers: Vec<_> = (0..50)
            .map(|number| {
                let tab = people[number % 2].tab();
                {
                let id = id.to_string();
                tokio::spawn(async move {
                    let fields = [("name", "Clicks"), ("authorizer", id.as_str()), ("s.dataset", "reports"), ("action", "load")];
                    tab.submit("form#flow", &fields).await.status
                })
                }
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), 200);
        }
        assert_eq!(app.acme().calls("/token").await - before, 1);
        let token = token(&app.ctx, &id).await.unwrap();
        assert_eq!(app.acme().me(&token).await, 200);
    }

    async fn killed_before_the_service_saw_anything_the_grant_survives(app: TestApp) {
        let (_, id) = ended(&app).await;
        let fake = Fake::start().await;
        fake.answers_otherwise(Reply::silent());
        click(&app, &id, &fake.url("/token"), || fake.seen().iter().any(|seen| seen.path == "/token")).await.kill();
        let token = token(&successor(&app), &id).await.unwrap();
        assert_eq!(app.acme().me(&token).await, 200);
    }

    async fn killed_after_the_service_rotated_it_is_told_as_lost_and_not_as_revoked(app: TestApp) {
        let (owner, id) = ended(&app).await;
        let gate = Gate::open(app.acme().address()).await;
        gate.mute();
        click(&app, &id, &format!("http://127.0.0.1:{}/token", gate.port()), || gate.swallowed() > 0).await.kill();
        assert_eq!(token(&successor(&app), &id).await, Err(Cause::RotationLost));
        owner.get(&format!("/authorizers/{id}")).await.shows(&["Broken", "Reauthorize"]);
    }

    async fn killed_after_the_new_pair_was_stored_nothing_is_lost(app: TestApp) {
        let (_, id) = ended(&app).await;
        let gate = Gate::open(app.acme().address()).await;
        let version = || app.database.with(|c| authorizers::store::authorizers::find(c, &id)).unwrap().credential_version;
        let before = version();
        click(&app, &id, &format!("http://127.0.0.1:{}/token", gate.port()), || version() > before).await.kill();
        let calls = app.acme().calls("/token").await;
        let token = token(&successor(&app), &id).await.unwrap();
        assert_eq!(app.acme().calls("/token").await, calls, "it is used as it was stored");
        assert_eq!(app.acme().me(&token).await, 200);
    }

    async fn a_database_that_goes_away_during_the_call_gets_the_new_pair_when_it_is_back(app: TestApp) {
        let (_, id) = ended(&app).await;
        let gate = Gate::open(app.acme().address()).await;
        let folder = services(&app, "slow-services", &format!("http://127.0.0.1:{}/token", gate.port()));
        let ctx = Ctx { catalog: Arc::new(Catalog::load(Some(&folder), false)), ..app.ctx.clone() };
        gate.delay(Duration::from_secs(1));
        let caller = { let (ctx, id) = (ctx.clone(), id.clone()); tokio::spawn(async move { token(&ctx, &id).await }) };
        // From when the call is on its way until its answer can't have been stored at the first try.
        while gate.passed() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (url, is_sqlite, state) = (app.database.url.clone(), app.ctx.db.is_sqlite(), gate.watch());
        let away = move || take_away(&url, is_sqlite, || state.answered() > 0);
        tokio::task::spawn_blocking(away).await.unwrap();
        let token = caller.await.unwrap().unwrap();
        assert_eq!(app.acme().me(&token).await, 200);
        assert_eq!(token, self::token(&app.ctx, &id).await.unwrap(), "it is stored");
    }
}
