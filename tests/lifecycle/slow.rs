//! Refreshes that take long: they are worth waiting for, nobody waits too long for them, and nothing cuts them off.
use std::time::{Duration, Instant};

use authorizers::domain::authorizers::account;
use authorizers::domain::authorizers::refresh::Waiter;
use authorizers::domain::{Ctx, Error};
use authorizers::model::ids::AuthorizerId;
use authorizers::outbound::Outbound;
use authorizers::outbound::policy::Policy;

use super::process::Process;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::scripted::{SCRIPTED, reseal, revoke, until};

/// An account whose token has ended by the clock of the app.
async fn ended(app: &TestApp, late: Duration) -> (Client, AuthorizerId) {
    let client = app.sign_in("owner@example.com").await;
    let page = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200);
    let id: AuthorizerId = page.path().rsplit('/').next().unwrap().into();
    let past = app.ctx.clock.now().minus(Duration::from_secs(1));
    reseal(app, &id, |credentials| {
        credentials.tokens.as_mut().unwrap().expires_at = Some(past);
    })
    .await;
    app.scripted().provider().late = late;
    (client, id)
}

fn refreshes(app: &TestApp) -> usize {
    app.scripted().provider().count("/token", "refresh-")
}

async fn stored(app: &TestApp, id: &AuthorizerId) -> String {
    let open = account::open_as_is(&app.ctx, id).await.unwrap_or_else(|error| panic!("{error}"));
    open.account().value("access_token").unwrap().to_owned()
}

async fn load(client: &Client, id: &AuthorizerId) -> String {
    client.get(&format!("/sources/new/{SCRIPTED}")).await.expect(200);
    let fields = [("name", "Rows"), ("authorizer", id.as_str()), ("action", "load")];
    client.submit("form#flow", &fields).await.expect(200).shown()
}

with_app! { start_scripted;
    async fn an_answer_after_fourteen_seconds_is_stored_and_used(app: TestApp) {
        let (client, id) = ended(&app, Duration::from_secs(14)).await;
        let began = Instant::now();
        let open = account::open_for(&app.ctx, &id, Waiter::Background).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(began.elapsed() >= Duration::from_secs(14));
        assert_eq!(open.account().value("access_token"), Some("access-ann-2"));
        assert_eq!((stored(&app, &id).await.as_str(), refreshes(&app)), ("access-ann-2", 1));
        client.get(&format!("/authorizers/{id}")).await.shows(&["Connected"]);
    }

    async fn who_asks_while_a_slow_call_is_on_the_wire_makes_no_second_one(app: TestApp) {
        let (_, id) = ended(&app, Duration::from_secs(3)).await;
        let replica = app.replica().await;
        let open = |ctx: Ctx, wait: u64| {
            let id = id.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(wait)).await;
                account::open(&ctx, &id).await.map(|open| open.account().value("access_token").unwrap().to_owned())
            })
        };
        let callers = [open(app.ctx.clone(), 0), open(app.ctx.clone(), 1500), open(replica, 1500)];
        for caller in callers {
            let token = caller.await.unwrap().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(token, "access-ann-2");
        }
        assert_eq!(refreshes(&app), 1, "a token that rotates is not spent twice");
    }

    async fn a_page_stops_waiting_and_the_call_goes_on(app: TestApp) {
        let (client, id) = ended(&app, Duration::from_secs(11)).await;
        let began = Instant::now();
        let shown = load(&client, &id).await;
        assert!(began.elapsed() < Duration::from_millis(10_500), "{:?}", began.elapsed());
        assert!(shown.contains("The token is being renewed") && shown.contains("Try again in a moment"), "{shown}");
        until("the new token", async || stored(&app, &id).await == "access-ann-2").await;
        let shown = load(&client, &id).await;
        assert!(!shown.contains("being renewed"), "{shown}");
        assert_eq!(refreshes(&app), 1);
        client.get(&format!("/authorizers/{id}")).await.shows(&["Connected"]);
    }

    async fn a_browser_that_leaves_cuts_no_call_off(app: TestApp) {
        let (client, id) = ended(&app, Duration::from_secs(2)).await;
        client.get(&format!("/sources/new/{SCRIPTED}")).await.expect(200);
        let (tab, chosen) = (client.tab(), id.to_string());
        let pressed = tokio::spawn(async move {
            let fields = [("name", "Rows"), ("authorizer", chosen.as_str()), ("action", "load")];
            tab.submit("form#flow", &fields).await
        });
        until("the call", async || refreshes(&app) == 1).await;
        pressed.abort();
        until("the new token", async || stored(&app, &id).await == "access-ann-2").await;
        assert_eq!(refreshes(&app), 1);
    }

    async fn a_token_that_still_works_is_served_while_a_slow_call_brings_the_next(app: TestApp) {
        let (_, id) = ended(&app, Duration::from_secs(5)).await;
        // A minute before its end.
        let clock = authorizers::clock::Clock::fixed(app.ctx.clock.now());
        let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()] };
        let ctx = Ctx { outbound: Outbound::with_clock(policy, clock.clone()), clock, ..app.ctx.clone() };
        assert!(account::open_for(&ctx, &id, Waiter::Background).await.is_ok());
        ctx.clock.advance(Duration::from_secs(3540));
        let began = Instant::now();
        let open = account::open(&ctx, &id).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(open.account().value("access_token"), Some("access-ann-2"));
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        until("the new token", async || stored(&app, &id).await == "access-ann-3").await;
    }

    async fn a_process_that_is_told_to_stop_waits_for_the_call(app: TestApp) {
        let (_, id) = ended(&app, Duration::from_secs(3)).await;
        let process = Process::start(&app, "stopped", &app.folder().join("services")).await;
        // Its worker finds the token due at the start.
        until("the call", async || refreshes(&app) == 1).await;
        process.stop().await;
        assert_eq!((stored(&app, &id).await.as_str(), refreshes(&app)), ("access-ann-2", 1));
    }

    async fn a_page_that_finds_it_revoked_meanwhile_says_so(app: TestApp) {
        let (client, id) = ended(&app, Duration::from_secs(2)).await;
        let (ctx, wanted) = (app.ctx.clone(), id.clone());
        let waiting = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(700)).await;
            account::open(&ctx, &wanted).await.map(|_| ())
        });
        let (ctx, wanted) = (app.ctx.clone(), id.clone());
        let first = tokio::spawn(async move { account::open(&ctx, &wanted).await.map(|_| ()) });
        until("the call", async || refreshes(&app) == 1).await;
        revoke(&client, &format!("/authorizers/{id}")).await.shows(&["Token revoked"]);
        first.await.unwrap().ok();
        assert!(matches!(waiting.await.unwrap(), Err(Error::WrongState(_))));
        assert!(app.scripted().provider().living("ann").is_empty());
    }
}
