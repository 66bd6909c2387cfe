//! What has no token to renew is tested once a day: a real PostgreSQL whose password changes, and changes back.
use std::time::Duration;

use authorizers::domain::authorizers::test;
use authorizers::model::ids::AuthorizerId;
use authorizers::worker::upkeep;

use super::gate::Gate;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::house;
use crate::support::postgres::shared;
use crate::support::server::unused;

/// Later than any place in the day that an authorizer can have.
const A_DAY: Duration = Duration::from_secs(27 * 3600);

async fn reader(app: &TestApp) -> (Client, AuthorizerId, String) {
    reader_at(app, shared().port()).await
}

/// An account of the real server for this app alone, tested and saved, reached by this port.
async fn reader_at(app: &TestApp, port: u16) -> (Client, AuthorizerId, String) {
    let owner = app.set_up().await;
    let role = unused("retest");
    shared()
        .run(
            "postgres",
            &format!("CREATE ROLE {role} LOGIN PASSWORD 'the right one' IN ROLE typed"),
        )
        .await;
    let id = house::real_postgres(app, "Reader", port, ("postgres", &role, "the right one")).await;
    (owner, id, role)
}

async fn set_password(role: &str, password: &str) {
    shared().run("postgres", &format!("ALTER ROLE {role} PASSWORD '{password}'")).await;
}

with_app! { start_fixed;
    async fn a_changed_password_is_found_out_within_a_day_and_so_is_its_return(app: TestApp) {
        let (owner, id, role) = reader(&app).await;
        let page = format!("/authorizers/{id}");
        owner.get(&page).await.shows(&["Connected"]);

        set_password(&role, "another one").await;
        app.ctx.clock.advance(Duration::from_secs(20 * 3600));
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        owner.get(&page).await.shows(&["Connected"]);
        app.ctx.clock.advance(A_DAY.saturating_sub(Duration::from_secs(20 * 3600)));
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        owner.get(&page).await.shows(&["Broken", "Reauthorize"]);

        set_password(&role, "the right one").await;
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        owner.get(&page).await.shows(&["Broken"]);
        app.ctx.clock.advance(A_DAY.saturating_add(Duration::from_secs(4 * 3600)));
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        owner.get(&page).await.shows(&["Connected"]);
    }

    async fn two_processes_make_one_test_of_it(app: TestApp) {
        let gate = Gate::open(([127, 0, 0, 1], shared().port()).into()).await;
        let (_, id, _) = reader_at(&app, gate.port()).await;
        let before = gate.passed();
        Box::pin(test::run_once(&app.ctx, &id, &mut |_| ())).await.unwrap_or_else(|error| panic!("{error}"));
        let one_test = gate.passed() - before;
        app.ctx.clock.advance(A_DAY);
        let other = app.replica().await;
        let none = || false;
        let (first, second) = tokio::join!(upkeep::run_once(&app.ctx, &none), upkeep::run_once(&other, &none));
        first.unwrap();
        second.unwrap();
        assert_eq!(gate.passed() - before, 2 * one_test);
        // The next one is most of a day away, whoever looks.
        app.ctx.clock.advance(Duration::from_secs(20 * 3600));
        upkeep::run_once(&other, &none).await.unwrap();
        assert_eq!(gate.passed() - before, 2 * one_test);
    }

    async fn a_database_that_is_away_is_no_alarm_for_a_day_and_then_one(app: TestApp) {
        let mut gate = Gate::open(([127, 0, 0, 1], shared().port()).into()).await;
        let (owner, id, _) = reader_at(&app, gate.port()).await;
        let page = format!("/authorizers/{id}");
        gate.shut().await;
        app.ctx.clock.advance(A_DAY);
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        owner.get(&page).await.shows(&["Retrying"]);
        for _ in 0..12 {
            app.ctx.clock.advance(Duration::from_secs(2 * 3600));
            upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        }
        owner.get(&page).await.shows(&["Broken"]);
        gate.reopen().await;
        app.ctx.clock.advance(Duration::from_secs(2 * 3600));
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        owner.get(&page).await.shows(&["Connected"]);
    }
}
