//! A year, day by day, over two hundred authorizers of twenty kinds of lifetime: no needless call, no missed refresh, and
//! each notice exactly once.
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use authorizers::catalog::Catalog;
use authorizers::clock::Clock;
use authorizers::domain::authorizers::complete::{Completed, complete};
use authorizers::domain::authorizers::enter_credentials::{Entered, NewCredentials, enter};
use authorizers::domain::authorizers::start::{Start, Started, start};
use authorizers::domain::oauth_apps::save::{self, AppForm};
use authorizers::domain::{Actor, Ctx};
use authorizers::model::credentials::Secret;
use authorizers::model::time::DAY;
use authorizers::outbound::Outbound;
use authorizers::outbound::policy::Policy;
use authorizers::worker::{notify, purge, upkeep};
use base64::Engine;
use serde_json::{Value, json};

use super::provider::Provider;
use crate::support::app::{TestApp, with_app};
use crate::support::database::Kind as Database;
use crate::support::house;
use crate::support::line::serve;

const DAYS: u64 = 365;
const DAY_S: u64 = 86_400;

/// How a service's grants live, and what a year of it must bring.
pub struct Kind {
    pub name: &'static str,
    /// Lines of `[auth.oauth2]`; empty: a key, not OAuth.
    oauth2: &'static str,
    lifetime: &'static str,
    /// What a token answer says of the ends: seconds since the epoch, seconds since the consent.
    pub answer: fn(u64, u64) -> Value,
    pub rotates: bool,
    pub has_refresh: bool,
    /// Refreshes of one authorizer.
    refreshes: u64,
    /// Tests of one authorizer: none where renewing shows that it works.
    looks: RangeInclusive<u64>,
    /// Kind and day.
    notices: &'static [(&'static str, u64)],
}

fn seconds(of: u64) -> Value {
    json!({ "expires_in": of })
}

const NONE: &[(&str, u64)] = &[];
/// Every 21 to 27 hours, looked at once a day.
const DAILY: RangeInclusive<u64> = DAYS / 2 - 2..=DAYS;

/// Renewed when the day comes on which the token ends.
const fn every(days: u64) -> u64 {
    DAYS / days
}

fn kind(
    name: &'static str,
    oauth2: &'static str,
    lifetime: &'static str,
    answer: fn(u64, u64) -> Value,
    refreshes: u64,
) -> Kind {
    Kind {
        name,
        oauth2,
        lifetime,
        answer,
        rotates: true,
        has_refresh: true,
        refreshes,
        looks: 0..=0,
        notices: NONE,
    }
}

/// A JSON Web Token that says nothing but when it ends; the provider signs it.
fn jwt(exp: u64) -> String {
    let part =
        |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(json!({ "alg": "RS256" })), part(json!({ "exp": exp })))
}

fn kinds() -> Vec<Kind> {
    plain().into_iter().chain(odd()).collect()
}

/// As most are: a period, a consent, an idle limit.
fn plain() -> Vec<Kind> {
    vec![
        Kind { rotates: false, ..kind("hourly", "#", "", |_, _| seconds(3600), every(1)) },
        kind("days-3", "#", "", |_, _| seconds(3 * DAY_S), every(3)),
        kind("week", "#", "", |_, _| seconds(7 * DAY_S), every(7)),
        kind("month", "#", "", |_, _| seconds(30 * DAY_S), every(30)),
        Kind {
            has_refresh: false,
            notices: &[("due_30", 30), ("due_7", 53), ("due_1", 59), ("broken", 60)],
            ..kind(
                "sixty-days-and-over",
                "refresh_token = \"none\"",
                "",
                |_, _| seconds(60 * DAY_S),
                0,
            )
        },
        Kind {
            notices: &[("due_30", 335), ("due_7", 358), ("due_1", 364), ("broken", 365)],
            ..kind(
                "consent-of-a-year",
                "#",
                "reauthorize_days = 365\nknown = true",
                |_, _| seconds(60 * DAY_S),
                6,
            )
        },
        Kind {
            notices: &[("due_30", 150), ("due_7", 173), ("due_1", 179), ("broken", 180)],
            ..kind(
                "consent-of-180-days",
                "#",
                "reauthorize_days = 180\nknown = true",
                |_, _| seconds(7 * DAY_S),
                25,
            )
        },
        kind("idle-90", "#", "idle_days = 90\nknown = true", |_, _| seconds(30 * DAY_S), every(30)),
        kind(
            "idle-180",
            "#",
            "idle_days = 180\nknown = true",
            |_, _| seconds(60 * DAY_S),
            every(60),
        ),
    ]
}

/// Where the end is told otherwise, or not at all.
fn odd() -> Vec<Kind> {
    vec![
        Kind {
            notices: &[("due_30", 70), ("due_7", 93), ("due_1", 99), ("broken", 100)],
            ..kind(
                "refresh-token-of-100-days",
                "#",
                "",
                |_, age| json!({ "expires_in": 7 * DAY_S, "refresh_token_expires_in": 100 * DAY_S - age }),
                14,
            )
        },
        kind(
            "refresh-token-lives-anew",
            "#",
            "",
            |_, _| json!({ "expires_in": 30 * DAY_S, "refresh_token_expires_in": 90 * DAY_S }),
            every(30),
        ),
        kind(
            "told-by-the-token",
            "#",
            "",
            |now, _| json!({ "access_token": jwt(now + 30 * DAY_S) }),
            every(30),
        ),
        kind(
            "known-by-the-file",
            "expires = { missing_s = 604800 }",
            "",
            |_, _| json!({}),
            every(7),
        ),
        // Used until it is refused; kept alive at half of its idle limit.
        Kind {
            looks: DAILY,
            ..kind(
                "untold-and-idle",
                "#",
                "idle_days = 60\nknown = true",
                |_, _| json!({}),
                every(20),
            )
        },
        Kind {
            has_refresh: false,
            looks: DAILY,
            ..kind("for-ever", "refresh_token = \"none\"", "", |_, _| json!({}), 0)
        },
        // An estimate warns, and is tried before it is called broken.
        Kind {
            notices: &[("due_30", 60), ("due_7", 83), ("due_1", 89)],
            looks: 1..=1,
            ..kind("estimated", "#", "reauthorize_days = 90", |_, _| seconds(7 * DAY_S), every(7))
        },
        kind(
            "two-weeks-anew",
            "#",
            "",
            |_, _| json!({ "expires_in": 7 * DAY_S, "refresh_token_expires_in": 14 * DAY_S }),
            every(7),
        ),
        kind("ten-years", "#", "", |_, _| seconds(3650 * DAY_S), 0),
        kind(
            "in-milliseconds",
            "expires = { key = \"ttl\", unit = \"millis\" }",
            "",
            |_, _| json!({ "ttl": 30 * DAY_S * 1000 }),
            every(30),
        ),
        Kind { has_refresh: false, looks: DAILY, ..kind("key", "", "", |_, _| json!({}), 0) },
    ]
}

fn file(kind: &Kind, base: &str) -> String {
    let name = kind.name;
    let head = format!(
        "schema = 1\n[service]\nid = \"{name}\"\nname = \"{name}\"\ncategory = \"development\"\nsummary = \"A lifetime.\"\ndriver = \"http\"\n\
         docs = \"https://example.com/docs\"\npermission = \"None.\"\n"
    );
    let auth = if kind.oauth2.is_empty() {
        "[[auth]]\nid = \"key\"\nlabel = \"Key\"\n[auth.apply]\nbearer = \"{key}\"\n[[auth.field]]\nkey = \"key\"\nlabel = \"Key\"\nkind = \"secret\"\nsecret = true\n".to_owned()
    } else {
        format!(
            "[[auth]]\nid = \"oauth\"\nlabel = \"Sign in\"\n[auth.apply]\nbearer = \"{{access_token}}\"\n[auth.oauth2]\nauthorize = \"{base}/authorize\"\n\
             token = \"{base}/{name}/token\"\nhosts = [\"127.0.0.1\"]\nscopes = [\"read\"]\n{}\n\
             [auth.oauth2.identity]\nget = \"{base}/{name}/me\"\nid = \"/id\"\nlabel = \"/id\"\n",
            kind.oauth2
        )
    };
    format!(
        "{head}{auth}[http]\nbase = \"{base}\"\n[[test]]\nstep = \"identity\"\npath = \"/{name}/me\"\nhas = \"/id\"\nidentity_id = \"/id\"\nidentity_label = \"/id\"\n\
         [source]\nfield_sets = [\"request\"]\n[[source.dataset]]\nid = \"all\"\nlabel = \"All\"\npath = \"/{name}/me\"\n\
         [lifetime]\nnote = \"As its name says.\"\n{}\n[guide]\napp_steps = [\"x\"]\nsteps = [\"x\"]\n",
        kind.lifetime
    )
}

/// Signs in without a browser: the code is the account's name.
async fn authorize(ctx: &Ctx, actor: &Actor, kind: &Kind, number: usize) {
    let name = format!("{}-{number}", kind.name);
    if kind.oauth2.is_empty() {
        let values = BTreeMap::from([("key".to_owned(), Secret::new(format!("a/{name}/0")))]);
        let new = NewCredentials {
            service_id: kind.name.into(),
            auth_id: "key".to_owned(),
            name,
            values,
            is_tested: true,
        };
        assert!(matches!(enter(ctx, actor, new).await, Ok(Entered::Saved { .. })));
        return;
    }
    let browser = Secret::new("one browser");
    let asked = Start {
        service_id: kind.name.into(),
        auth_id: "oauth".to_owned(),
        name: name.clone(),
        values: BTreeMap::new(),
        authorizer_id: None,
        draft_id: None,
        asks_for_all: false,
        may_switch: false,
        browser: browser.clone(),
    };
    let started = start(ctx, actor, asked).await;
    let Ok(Started::Leaving(leaving)) = started else { panic!("{name} was not started") };
    let url = url::Url::parse(&leaving.url).unwrap();
    let state = url.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();
    let params = [("state".to_owned(), state), ("code".to_owned(), name.clone())];
    match complete(ctx, actor, params.into_iter().collect(), Some(&browser)).await {
        Ok(Completed::Saved { .. }) => {}
        Ok(_) => panic!("{name} was not saved"),
        Err(error) => panic!("{name}: {error:?}"),
    }
}

/// The app with the twenty services in its catalogue.
async fn ready(app: &TestApp, provider: &Arc<Mutex<Provider>>, each: usize) -> Ctx {
    app.set_up().await;
    let base = serve(Arc::clone(provider)).await;
    let kinds = kinds();
    let files: Vec<(String, String)> =
        kinds.iter().map(|kind| (format!("{}.toml", kind.name), file(kind, &base))).collect();
    let borrowed: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let catalog = Catalog::of(&borrowed, false);
    assert_eq!(
        catalog.broken().iter().map(ToString::to_string).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()] };
    let outbound = Outbound::with_clock(policy, app.ctx.clock.clone());
    let ctx = Ctx { catalog: Arc::new(catalog), outbound, ..app.ctx.clone() };
    let actor = house::owner(app);
    for kind in &kinds {
        if !kind.oauth2.is_empty() {
            let form =
                AppForm { client_id: "client".to_owned(), client_secret: Secret::new("secret") };
            save::create(&ctx, &actor, &kind.name.into(), form)
                .await
                .unwrap_or_else(|error| panic!("{error:?}"));
        }
        for number in 0..each {
            authorize(&ctx, &actor, kind, number).await;
        }
    }
    ctx
}

/// What a minute's round of the worker does.
async fn round(ctx: &Ctx) {
    purge::run_once(ctx).await.expect("a round of the duty");
    upkeep::run_once(ctx, &|| false).await.expect("a round of the duty");
    notify::run_once(ctx).await.expect("a round of the duty");
}

/// `kind day`, for each notice of one authorizer, in their order.
fn told(app: &TestApp, name: &str, begun: i64) -> Vec<(String, u64)> {
    let count = app.database.value(&format!(
        "SELECT CAST(COUNT(*) AS TEXT) AS value FROM notices WHERE name = '{name}'"
    ));
    let read = |at: usize| {
        let line = app.database.value(&format!(
            "SELECT kind || ' ' || CAST(created_at AS TEXT) AS value FROM notices WHERE name = '{name}' ORDER BY created_at, kind LIMIT 1 OFFSET {at}"
        ));
        let (kind, at) = line.split_once(' ').unwrap();
        (
            kind.to_owned(),
            u64::try_from((at.parse::<i64>().unwrap() - begun) / 1_000_000).unwrap() / DAY_S,
        )
    };
    (0..count.parse().unwrap()).map(read).collect()
}

with_app! { start_fixed;
    async fn nobody_is_called_in_vain_nothing_is_missed_and_everybody_is_told_once(app: TestApp) {
        // Two hundred on SQLite; PostgreSQL takes the same ways with fewer.
        let each = if app.database.kind == Database::Sqlite { 10 } else { 2 };
        let clock: Clock = app.ctx.clock.clone();
        let provider = Arc::new(Mutex::new(Provider::new(kinds(), clock.clone())));
        let ctx = ready(&app, &provider, each).await;
        let begun = clock.now().micros();
        // Told before anybody is purged: notices are kept for ninety days.
        let mut all: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
        provider.lock().unwrap().forget_calls();
        for day in 1..=DAYS {
            clock.advance(DAY);
            round(&ctx).await;
            if day % 30 == 0 || day == DAYS {
                for kind in kinds() {
                    for number in 0..each {
                        let name = format!("{}-{number}", kind.name);
                        let seen = all.entry(name.clone()).or_default();
                        let new: Vec<_> = told(&app, &name, begun).into_iter().filter(|one| !seen.contains(one)).collect();
                        seen.extend(new);
                    }
                }
            }
        }
        let provider = provider.lock().unwrap();
        assert_eq!(provider.refused, Vec::<String>::new(), "a token was used that was no longer good");
        for kind in kinds() {
            for number in 0..each {
                let name = format!("{}-{number}", kind.name);
                let calls = provider.calls(&name);
                assert_eq!(calls.refreshes, kind.refreshes, "refreshes of {name}");
                let wanted: Vec<(String, u64)> = kind.notices.iter().map(|(what, day)| ((*what).to_owned(), *day)).collect();
                assert_eq!(all[&name], wanted, "notices of {name}");
                assert!(kind.looks.contains(&calls.looks), "{name} was tested {} times", calls.looks);
            }
        }
        let broken = kinds().iter().filter(|kind| kind.notices.iter().any(|(what, _)| *what == "broken")).count() * each;
        let found = app.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM authorizers WHERE health <> 'ok'");
        assert_eq!(found, broken.to_string(), "and all others work after a year");
    }
}
