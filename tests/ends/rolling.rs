//! Ends that renewing moves, ends that it does not, and on which day somebody is warned.
use std::sync::Arc;
use std::time::Duration;

use authorizers::catalog::Catalog;
use authorizers::domain::Ctx;
use authorizers::domain::authorizers::account;
use authorizers::model::ending::Ending;
use authorizers::model::ids::AuthorizerId;
use authorizers::model::time::DAY;
use authorizers::outbound::Outbound;
use authorizers::outbound::policy::Policy;
use authorizers::store::authorizers as rows;
use authorizers::worker::purge;
use serde_json::json;

use super::ending_in;
use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::fake::{Fake, Reply};

/// An account of Acme with another lifetime, whose token endpoint is from now on the scripted server.
async fn renewed_by(app: &TestApp, fake: &Fake, lifetime: &str) -> (Client, Ctx, AuthorizerId) {
    let owner = app.set_up().await;
    acme::enter_app(app, &owner).await;
    let path = acme::authorize(app, &owner, "Ads", "ann@example.com", Answer::Allow)
        .await
        .expect(200)
        .path();
    let text = app
        .acme()
        .service_file()
        .replace("hosts = [\"127.0.0.2\"]", "hosts = [\"127.0.0.1\", \"127.0.0.2\"]");
    let text = text.replace(
        &format!("token = \"{}/token\"", app.acme().base()),
        &format!("token = \"{}\"", fake.url("/token")),
    );
    let text = text.replace("reauthorize_days = 365\nknown = true\n", lifetime);
    let outbound = Outbound::with_clock(
        Policy { allow: vec!["127.0.0.0/8".parse().unwrap()] },
        app.ctx.clock.clone(),
    );
    acme::unbind(app);
    let ctx = Ctx {
        catalog: Arc::new(Catalog::of(&[("acme-reports.toml", &text)], false)),
        outbound,
        ..app.ctx.clone()
    };
    (owner, ctx, path.rsplit('/').next().unwrap().into())
}

fn granted(number: u32, told: Option<u64>) -> Reply {
    let mut answer = json!({ "access_token": format!("a{number}"), "refresh_token": format!("r{number}"), "expires_in": 3600 });
    if let Some(told) = told {
        answer["refresh_token_expires_in"] = told.into();
    }
    Reply::json(200, &answer)
}

/// Lets time go by, renews, and tells the end.
async fn renew(ctx: &Ctx, id: &AuthorizerId, after: Duration) -> Ending {
    ctx.clock.advance(after);
    account::open(ctx, id).await.unwrap_or_else(|error| panic!("{error}"));
    let id = id.clone();
    ctx.db.read(move |c| rows::ending(c, &id)).await.unwrap().unwrap()
}

const HOURS: Duration = Duration::from_secs(7200);

with_app! { start_fixed;
    async fn an_idle_limit_moves_with_every_renewal_and_warns_nobody(app: TestApp) {
        let fake = Fake::start().await;
        let (owner, ctx, id) = renewed_by(&app, &fake, "idle_days = 14\nknown = true\n").await;
        for number in 0..3 {
            fake.answers("/token", granted(number, None));
            let found = renew(&ctx, &id, DAY * 10).await;
            assert_eq!(found.idle_at, Some(ctx.clock.now().plus(DAY * 14)));
            assert_eq!(found.at, None);
        }
        let owner = { drop(owner); app.sign_in("owner@example.com").await };
        let page = owner.get(&format!("/authorizers/{id}")).await;
        assert!(page.text(".hero").contains("Connected"), "{}", page.shown());
        page.shows(&["No end is in sight: it is renewed by itself"]);
        owner.get("/authorizers?status=due_soon").await.shows(&["Nothing matches"]);
        app.database.execute("UPDATE authorizers SET health = 'retrying', attention = 1");
        owner.get(&format!("/authorizers/{id}")).await.shows(&["It is not renewed just now. If that lasts, it ends around"]);
        assert!(!owner.get("/forecast").await.has("tbody tr"), "{}", owner.page().shown());
    }

    async fn an_end_that_is_told_anew_each_time_warns_nobody(app: TestApp) {
        let fake = Fake::start().await;
        let (_, ctx, id) = renewed_by(&app, &fake, "").await;
        for number in 0..3 {
            fake.answers("/token", granted(number, Some(20 * 86_400)));
            let found = renew(&ctx, &id, HOURS).await;
            assert_eq!((found.at, found.idle_at), (None, Some(ctx.clock.now().plus(DAY * 20))), "answer {number}");
        }
    }

    async fn an_end_that_is_told_and_stands_still_warns(app: TestApp) {
        let fake = Fake::start().await;
        let (_, ctx, id) = renewed_by(&app, &fake, "").await;
        fake.answers("/token", granted(0, Some(20 * 86_400)));
        let end = renew(&ctx, &id, HOURS).await.idle_at.unwrap();
        fake.answers("/token", granted(1, Some(20 * 86_400 - 7200)));
        let found = renew(&ctx, &id, HOURS).await;
        assert_eq!((found.at, found.idle_at), (Some(end), None));
        let owner = app.sign_in("owner@example.com").await;
        owner.get(&format!("/authorizers/{id}")).await.shows(&["Due soon", "from Acme Reports's answer"]);
    }

    async fn a_consent_ends_a_year_after_it_was_given_whatever_is_renewed(app: TestApp) {
        let fake = Fake::start().await;
        let given = app.ctx.clock.now();
        let (_, ctx, id) = renewed_by(&app, &fake, "reauthorize_days = 365\nknown = true\n").await;
        fake.answers("/token", granted(0, None));
        let found = renew(&ctx, &id, DAY * 100).await;
        assert_eq!((found.at, found.consented_at), (Some(given.plus(DAY * 365)), Some(given)));
        // A row of an older version knows the end alone.
        app.database.execute("UPDATE authorizers SET consented_at = NULL, end_reason = NULL");
        fake.answers("/token", granted(1, None));
        assert_eq!(renew(&ctx, &id, HOURS).await.at, Some(given.plus(DAY * 365)));
        let owner = app.sign_in("owner@example.com").await;
        owner.get(&format!("/authorizers/{id}")).await.shows(&["The consent given on 15 Jan 2027 ends on 15 Jan 2028", "Known"]);
    }

    async fn it_is_due_soon_from_thirty_days_before_its_end_on_and_broken_from_its_end_on(app: TestApp) {
        app.set_up().await;
        let id = ending_in(&app, "Pages", Some(40)).await;
        let path = format!("/authorizers/{id}");
        for (days, badge) in [(0, "Connected"), (9, "Connected"), (1, "Due soon"), (29, "Due soon"), (1, "Broken")] {
            app.ctx.clock.advance(DAY * days);
            let owner = app.sign_in("owner@example.com").await;
            let page = owner.get(&path).await;
            assert!(page.text(".hero").contains(badge), "after {days} more days:\n{}", page.shown());
        }
        purge::run_once(&app.ctx).await.unwrap();
        let owner = app.sign_in("owner@example.com").await;
        assert!(owner.get(&path).await.text(".timeline li").contains("Stopped working"), "{}", owner.page().shown());
        purge::run_once(&app.ctx).await.unwrap();
        assert_eq!(owner.get(&path).await.count(".timeline li"), 1, "told once");
    }

    async fn a_passed_certificate_is_tried_before_it_is_called_broken(app: TestApp) {
        app.set_up().await;
        let id = ending_in(&app, "Warehouse", Some(-1)).await;
        app.database.execute("UPDATE authorizers SET end_reason = 'certificate'");
        purge::run_once(&app.ctx).await.unwrap();
        let owner = app.sign_in("owner@example.com").await;
        let page = owner.get(&format!("/authorizers/{id}")).await;
        assert!(page.text(".hero").contains("Retrying"), "{}", page.shown());
    }
}
