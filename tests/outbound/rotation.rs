//! A refresh whose answer is lost: the service may have taken the old token away with it, and that is no one's revoking.
use std::sync::Arc;
use std::time::Duration;

use authorizers::catalog::Catalog;
use authorizers::clock::Clock;
use authorizers::domain::authorizers::account;
use authorizers::domain::{Ctx, Error};
use authorizers::model::cause::Cause;
use authorizers::model::ids::AuthorizerId;
use authorizers::outbound::Outbound;
use authorizers::outbound::policy::Policy;
use serde_json::json;

use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{TestApp, with_app};
use crate::support::fake::{End, Fake, Reply};

/// An account of Acme, long after its access token ended, whose token endpoint is now the scripted server.
async fn ended(app: &TestApp, fake: &Fake) -> (Ctx, AuthorizerId) {
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
    acme::unbind(app);
    let clock = Clock::fixed(app.ctx.clock.now().plus(Duration::from_secs(30 * 86400)));
    let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()] };
    let outbound = Outbound::with_patience(policy, clock.clone(), Duration::from_millis(400));
    let catalog = Arc::new(Catalog::of(&[("acme-reports.toml", &text)], false));
    let ctx = Ctx { catalog, outbound, clock, ..app.ctx.clone() };
    (ctx, path.rsplit('/').next().unwrap().into())
}

async fn cause(ctx: &Ctx, id: &AuthorizerId) -> Option<Cause> {
    match account::open(ctx, id).await {
        Ok(_) => None,
        Err(Error::Fault(fault)) => Some(fault.cause),
        Err(other) => panic!("{other:?}"),
    }
}

fn granted() -> Reply {
    Reply::json(
        200,
        &json!({ "access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 3600 }),
    )
}

fn dead() -> Reply {
    Reply::json(400, &json!({ "error": "invalid_grant" }))
}

with_app! {
    async fn after_a_lost_answer_a_dead_grant_is_told_as_lost(app: TestApp) {
        let fake = Fake::start().await;
        let (ctx, id) = ended(&app, &fake).await;
        fake.answers("/token", granted().ending(End::Stalls)).answers("/token", Reply::html(503)).answers("/token", dead());
        assert_eq!(cause(&ctx, &id).await, Some(Cause::Timeout));
        assert_eq!(cause(&ctx, &id).await, Some(Cause::ProviderDown), "says nothing of what was lost before");
        assert_eq!(cause(&ctx, &id).await, Some(Cause::RotationLost));
        assert!(fake.seen().iter().all(|seen| seen.form()["refresh_token"] != "new-refresh"));
    }

    async fn after_faults_that_were_answered_a_dead_grant_is_told_as_dead(app: TestApp) {
        let fake = Fake::start().await;
        let (ctx, id) = ended(&app, &fake).await;
        fake.answers("/token", Reply::html(503)).answers("/token", Reply::json(429, &json!({}))).answers("/token", dead());
        assert_eq!(cause(&ctx, &id).await, Some(Cause::ProviderDown));
        assert_eq!(cause(&ctx, &id).await, Some(Cause::RateLimited));
        assert_eq!(cause(&ctx, &id).await, Some(Cause::GrantRevoked));
    }

    async fn a_lost_answer_is_forgotten_when_the_next_refresh_succeeds(app: TestApp) {
        let fake = Fake::start().await;
        let (ctx, id) = ended(&app, &fake).await;
        fake.answers("/token", granted().ending(End::Stalls)).answers("/token", granted());
        assert_eq!(cause(&ctx, &id).await, Some(Cause::Timeout));
        assert_eq!(cause(&ctx, &id).await, None, "the old token still worked");
        ctx.clock.advance(Duration::from_secs(7200));
        fake.answers("/token", dead());
        assert_eq!(cause(&ctx, &id).await, Some(Cause::GrantRevoked));
        assert_eq!(fake.last().form()["refresh_token"], "new-refresh", "the rotated token was kept");
    }

    async fn the_next_try_is_not_before_the_service_wants_it(app: TestApp) {
        let fake = Fake::start().await;
        let (ctx, id) = ended(&app, &fake).await;
        fake.answers("/token", Reply::json(429, &json!({})).header("Retry-After", "600"));
        assert_eq!(cause(&ctx, &id).await, Some(Cause::RateLimited));
        let row = account::open_as_is(&ctx, &id).await.unwrap_or_else(|error| panic!("{error}")).authorizer;
        assert_eq!(row.next_try_at, Some(ctx.clock.now().plus(Duration::from_secs(600))));
        fake.answers("/token", granted());
        assert_eq!(cause(&ctx, &id).await, None);
    }
}
