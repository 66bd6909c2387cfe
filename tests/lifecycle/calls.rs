//! Calls with a token that the service refuses: one refresh by force in every road, and never more blame than is true.
use std::collections::BTreeMap;
use std::time::Duration;

use authorizers::clock::Clock;
use authorizers::domain::authorizers::{account, test};
use authorizers::domain::flows::{FlowForm, read};
use authorizers::domain::{Actor, Ctx, Error};
use authorizers::model::authorizer::{Authorizer, Health};
use authorizers::model::cause::Cause;
use authorizers::model::flow::FlowKind;
use authorizers::model::ids::AuthorizerId;
use authorizers::outbound::Outbound;
use authorizers::outbound::policy::Policy;
use authorizers::worker::upkeep;
use serde_json::json;

use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::house::owner;
use crate::support::line::Said;
use crate::support::scripted::{SCRIPTED, Scripted, next_round, reseal, until};

fn refused() -> Said {
    Said::Json(401, json!({ "error": "invalid_token" }))
}

/// An account of the scripted provider that works.
async fn connected(app: &TestApp) -> (Client, AuthorizerId) {
    let client = app.sign_in("owner@example.com").await;
    let page = app.scripted().authorize(&client, SCRIPTED, "ann").await.expect(200);
    page.shows(&["Connected"]);
    let id = page.path().rsplit('/').next().unwrap().into();
    (client, id)
}

fn form(kind: FlowKind, id: &AuthorizerId) -> FlowForm {
    let settings = match kind {
        FlowKind::Source => vec![("dataset", "all"), ("client", "a")],
        FlowKind::Destination => vec![("table", "orders")],
    };
    FlowForm {
        kind,
        service_id: SCRIPTED.into(),
        name: "Orders".to_owned(),
        authorizer_id: Some(id.clone()),
        settings: settings.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
    }
}

/// The roads along which the service is called.
#[derive(Clone, Copy, Debug)]
enum Road {
    Test,
    TestData,
    LoadChoices,
    TestWrite,
    ReplacementCheck,
}

impl Road {
    const ALL: [Self; 5] =
        [Self::Test, Self::TestData, Self::LoadChoices, Self::TestWrite, Self::ReplacementCheck];

    fn path(self) -> &'static str {
        match self {
            Self::Test => "/me",
            Self::TestData | Self::ReplacementCheck => "/rows",
            Self::LoadChoices => "/choices",
            Self::TestWrite => "/write",
        }
    }

    /// Calls along it; the cause if it ended badly.
    async fn take(self, app: &TestApp, actor: &Actor, id: &AuthorizerId) -> Option<Cause> {
        let ctx = &app.ctx;
        let tested = match self {
            Self::Test => {
                let report = Box::pin(test::run_once(ctx, id, &mut |_| ())).await;
                let report = report.unwrap_or_else(|error| panic!("{error}"));
                return report.failure().and_then(|step| step.cause);
            }
            Self::LoadChoices => {
                let mut asked = form(FlowKind::Source, id);
                asked.settings = BTreeMap::new();
                return match read::choices(ctx, actor, &asked).await {
                    Ok((loaded, faults)) => {
                        assert_eq!(loaded.is_empty(), !faults.is_empty());
                        faults.first().map(|(_, fault)| fault.cause)
                    }
                    Err(Error::Fault(fault)) => Some(fault.cause),
                    Err(error) => panic!("{error}"),
                };
            }
            Self::TestData => read::test(ctx, actor, &form(FlowKind::Source, id)).await,
            Self::TestWrite => read::test(ctx, actor, &form(FlowKind::Destination, id)).await,
            Self::ReplacementCheck => {
                read::test_only(ctx, actor, &form(FlowKind::Source, id)).await
            }
        };
        match tested {
            Ok(tested) => {
                let step = tested.report.as_ref().and_then(|report| report.failure());
                tested.fault.map(|fault| fault.cause).or(step.and_then(|step| step.cause))
            }
            Err(Error::Fault(fault)) => Some(fault.cause),
            Err(error) => panic!("{error}"),
        }
    }
}

async fn row(ctx: &Ctx, id: &AuthorizerId) -> Authorizer {
    account::open_as_is(ctx, id).await.unwrap_or_else(|error| panic!("{error}")).authorizer
}

fn refreshes(scripted: &Scripted) -> usize {
    scripted.provider().count("/token", "refresh-")
}

/// The same app, so much later.
fn later(app: &TestApp, by: Duration) -> Ctx {
    let clock = Clock::fixed(app.ctx.clock.now().plus(by));
    let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()] };
    Ctx { outbound: Outbound::with_clock(policy, clock.clone()), clock, ..app.ctx.clone() }
}

const HOUR: Duration = Duration::from_secs(3600);

with_app! { start_scripted;
    async fn a_refused_token_is_renewed_once_whatever_called_with_it(app: TestApp) {
        let (_, id) = connected(&app).await;
        let actor = owner(&app);
        for road in Road::ALL {
            let before = refreshes(app.scripted());
            app.scripted().provider().answers(road.path(), refused());
            assert_eq!(road.take(&app, &actor, &id).await, None, "{road:?}");
            assert_eq!(refreshes(app.scripted()) - before, 1, "{road:?}");
            assert_eq!(row(&app.ctx, &id).await.health, Health::Ok, "{road:?}");
        }
    }

    async fn a_grant_that_was_ended_at_the_service_is_told_whatever_called_with_it(app: TestApp) {
        let (client, id) = connected(&app).await;
        let (actor, page) = (owner(&app), format!("/authorizers/{id}"));
        for road in Road::ALL {
            app.scripted().provider().end("ann");
            let before = refreshes(app.scripted());
            assert_eq!(road.take(&app, &actor, &id).await, Some(Cause::GrantRevoked), "{road:?}");
            assert_eq!(refreshes(app.scripted()) - before, 1, "{road:?}");
            let shown = client.get(&page).await.shows(&["Broken", "no longer accepts this sign-in"]).shown();
            assert!(!shown.contains("none to renew it with"), "{road:?}: {shown}");
            app.scripted().reauthorize(&client, &page, "ann").await.shows(&["Connected"]);
            assert_eq!(road.take(&app, &actor, &id).await, None, "{road:?}");
        }
    }

    async fn a_new_token_that_is_refused_breaks_nothing_and_heals(app: TestApp) {
        let (client, id) = connected(&app).await;
        let (actor, page) = (owner(&app), format!("/authorizers/{id}"));
        for road in Road::ALL {
            let before = refreshes(app.scripted());
            for _ in 0..2 {
                app.scripted().provider().answers(road.path(), refused());
            }
            let cause = road.take(&app, &actor, &id).await;
            assert_eq!(cause, Some(Cause::FreshTokenRefused), "{road:?}");
            assert_eq!(refreshes(app.scripted()) - before, 1, "{road:?}: one refresh, never a loop");
            let shown = client.get(&page).await.shown();
            assert!(shown.contains("Retrying") && shown.contains("has just issued"), "{road:?}: {shown}");
            assert!(!shown.contains("none to renew it with"), "{road:?}: {shown}");
            next_round(&app).await;
            client.get(&page).await.shows(&["Connected"]);
        }
    }

    async fn a_new_token_that_is_refused_for_a_day_is_told_to_people(app: TestApp) {
        let (client, id) = connected(&app).await;
        let refuse = || {
            for _ in 0..2 {
                app.scripted().provider().answers("/me", refused());
            }
        };
        refuse();
        Road::Test.take(&app, &owner(&app), &id).await;
        let tomorrow = later(&app, Duration::from_secs(25 * 3600));
        // Its hour is over, too: one refresh because it is due, one by force.
        refuse();
        upkeep::run_once(&tomorrow, &|| false).await.unwrap();
        let told = row(&app.ctx, &id).await;
        assert_eq!((told.health, told.cause), (Health::Misconfigured, Some(Cause::FreshTokenRefused)));
        // It is looked at all the same, and heals without a person.
        next_round(&app).await;
        client.get(&format!("/authorizers/{id}")).await.shows(&["Connected"]);
    }

    async fn without_a_refresh_token_one_refused_address_does_not_break_an_account(app: TestApp) {
        let (client, id) = connected(&app).await;
        let (actor, page) = (owner(&app), format!("/authorizers/{id}"));
        reseal(&app, &id, |credentials| credentials.tokens.as_mut().unwrap().refresh = None).await;
        let looks = || app.scripted().provider().count("/me", "");
        let before = looks();
        app.scripted().provider().answers("/rows", refused());
        assert_eq!(Road::TestData.take(&app, &actor, &id).await, Some(Cause::TokenExpired));
        until("the account's own test", async || looks() > before).await;
        client.get(&page).await.shows(&["Connected"]);
        assert_eq!(Road::TestData.take(&app, &actor, &id).await, None);
        // Refused everywhere it is broken, and there really is none to renew it with.
        app.scripted().provider().live.clear();
        assert_eq!(Road::TestData.take(&app, &actor, &id).await, Some(Cause::TokenExpired));
        until("its end", async || client.get(&page).await.shown().contains("Broken")).await;
        client.page().shows(&["there is none to renew it with"]);
    }

    async fn a_refusal_before_the_token_ends_is_no_fault_of_the_account(app: TestApp) {
        let (client, id) = connected(&app).await;
        // A minute before its end it is due.
        let ctx = later(&app, HOUR.saturating_sub(Duration::from_secs(60)));
        let early = || Said::Json(401, json!({ "error": "Rate limit exceeded: access_token not expired" }));
        let page = || Said::Raw("HTTP/1.1 403 x\r\nContent-Type: text/html\r\nContent-Length: 4\r\nConnection: close\r\n\r\n<p>x".to_owned());
        let bare = || Said::Raw("HTTP/1.1 401 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned());
        for said in [early(), early(), page(), page(), bare(), bare()] {
            app.scripted().provider().answers("/token", said);
            let open = account::open(&ctx, &id).await.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(open.account().value("access_token"), Some("access-ann-1"), "the old one is served");
            let row = row(&ctx, &id).await;
            assert_eq!((row.health, row.cause), (Health::Ok, None));
        }
        client.get(&format!("/authorizers/{id}")).await.shows(&["Connected"]);
        let open = account::open(&ctx, &id).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(open.account().value("access_token"), Some("access-ann-2"), "the next try succeeds");
    }

    async fn an_app_is_blamed_only_if_the_service_says_so(app: TestApp) {
        let (client, id) = connected(&app).await;
        let ctx = later(&app, HOUR * 2);
        let unknown = || Said::Json(401, json!({ "error": "come_back_later" }));
        app.scripted().provider().answers("/token", unknown());
        assert!(account::open(&ctx, &id).await.is_err());
        let told = row(&ctx, &id).await;
        assert_eq!((told.health, told.cause), (Health::Retrying, Some(Cause::RenewalRefused)));
        assert!(account::open(&ctx, &id).await.is_ok(), "the next try succeeds");
        next_round(&app).await;
        client.get(&format!("/authorizers/{id}")).await.shows(&["Connected"]);
        ctx.clock.advance(HOUR * 2);
        app.scripted().provider().answers("/token", Said::Json(401, json!({ "error": "invalid_client" })));
        assert!(account::open(&ctx, &id).await.is_err());
        assert_eq!(row(&ctx, &id).await.cause, Some(Cause::AppRejected));
    }

    async fn an_account_that_is_called_broken_is_renewed_when_it_is_looked_at_again(app: TestApp) {
        let (client, id) = connected(&app).await;
        app.database.execute("UPDATE authorizers SET health = 'needs_reauthorization', cause = 'grant_revoked'");
        let ctx = later(&app, HOUR * 2);
        let report = Box::pin(test::run_once(&ctx, &id, &mut |_| ())).await;
        assert!(report.unwrap_or_else(|error| panic!("{error}")).is_ok(), "it works after all");
        assert_eq!(row(&ctx, &id).await.health, Health::Ok);
        client.get(&format!("/authorizers/{id}")).await.shows(&["Connected"]);
    }

    async fn a_refusal_without_a_word_is_believed_when_it_repeats_in_another_process(app: TestApp) {
        let (client, id) = connected(&app).await;
        let first = later(&app, HOUR * 2);
        let replica = app.replica().await;
        let second = Ctx { outbound: first.outbound.clone(), clock: first.clock.clone(), ..replica };
        {
            // The grant was ended at the service, which has no words for that.
            let mut provider = app.scripted().provider();
            provider.end("ann");
            provider.is_mute = true;
        }
        assert!(account::open(&first, &id).await.is_err());
        assert_eq!(row(&first, &id).await.cause, Some(Cause::RenewalRefused), "it may be a mishap");
        assert!(account::open(&second, &id).await.is_err());
        let told = row(&first, &id).await;
        assert_eq!((told.health, told.cause), (Health::NeedsReauthorization, Some(Cause::GrantRevoked)));
        let page = client.get(&format!("/authorizers/{id}")).await;
        page.shows(&["Broken", "no longer accepts this sign-in", "Sign in again"]);
        assert!(told.next_try_at.is_some(), "it is a guess, and looked at once more");
        app.scripted().reauthorize(&client, &format!("/authorizers/{id}"), "ann").await.shows(&["Connected"]);
    }

    async fn one_mishap_of_the_token_address_is_forgotten_after_a_success(app: TestApp) {
        let (_, id) = connected(&app).await;
        let ctx = later(&app, HOUR * 2);
        let nothing = || Said::Raw("HTTP/1.1 400 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned());
        for _ in 0..3 {
            app.scripted().provider().answers("/token", nothing());
            assert!(account::open(&ctx, &id).await.is_err());
            assert_eq!(row(&ctx, &id).await.cause, Some(Cause::RenewalRefused));
            assert!(account::open(&ctx, &id).await.is_ok());
            ctx.clock.advance(HOUR * 2);
        }
    }

    async fn a_refresh_token_that_comes_alone_is_kept_and_used(app: TestApp) {
        let (_, id) = connected(&app).await;
        let ctx = later(&app, HOUR * 2);
        for answer in [json!({}), json!({ "access_token": null }), json!({ "access_token": { "x": 1 } })] {
            let rotated = {
                let mut provider = app.scripted().provider();
                provider.end("ann");
                provider.live.insert("refresh-alone".to_owned(), "ann".to_owned());
                "refresh-alone"
            };
            let mut answer = answer;
            answer["refresh_token"] = rotated.into();
            app.scripted().provider().answers("/token", Said::Json(200, answer.clone()));
            match account::open(&ctx, &id).await {
                Err(Error::Fault(fault)) => assert_eq!(fault.cause, Cause::MalformedAnswer),
                _ => panic!("{answer} is no success"),
            }
            assert_eq!(row(&ctx, &id).await.health, Health::Retrying);
            let open = account::open(&ctx, &id).await.unwrap_or_else(|error| panic!("{answer}: {error}"));
            assert!(open.account().value("access_token").is_some_and(|token| token.starts_with("access-ann")));
            assert_eq!(app.scripted().provider().calls.last().unwrap(), "/token refresh-alone");
            ctx.clock.advance(HOUR * 2);
        }
    }
}
