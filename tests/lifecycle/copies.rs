//! A copy of the database, or one that was put back, touches no grant until an admin says that it is the live one.
use std::process::Command;
use std::time::Duration;

use authorizers::domain::Error;
use authorizers::domain::authorizers::account;
use authorizers::domain::standing::Doubt;
use authorizers::model::ids::AuthorizerId;
use authorizers::model::role::Role;
use authorizers::store::standing;
use authorizers::worker::upkeep;

use super::process::Process;
use super::processes::ended;
use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{TestApp, with_app};
use crate::support::postgres::{programs, shared};
use crate::support::server::unused;

/// The database as a backup brings it back elsewhere: a file, or a dump that is loaded into another database.
async fn copied(app: &TestApp) -> String {
    if app.ctx.db.is_sqlite() {
        let file = app.folder().join("copy.sqlite");
        app.database.execute(&format!("VACUUM INTO '{}'", file.display()));
        return format!("sqlite://{}", file.display());
    }
    let name = unused("copy");
    app.database.execute(&format!("CREATE DATABASE {name}"));
    shared().run(&name, "CREATE EXTENSION pg_trgm").await;
    let copy = app.database.url.replace("/postgres?", &format!("/{name}?"));
    let schema = app.database.url.rsplit("%3D").next().unwrap();
    let plain = |url: &str| url.split("&options").next().unwrap().to_owned();
    let bin = programs();
    let dump = Command::new(bin.join("pg_dump"))
        .args(["-n", schema, "-d", &plain(&app.database.url)])
        .output()
        .unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let file = app.folder().join("dump.sql");
    std::fs::write(&file, dump.stdout).unwrap();
    let loaded = Command::new(bin.join("psql"))
        .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", &plain(&copy), "-f"])
        .arg(&file)
        .output();
    let loaded = loaded.unwrap();
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    copy
}

with_app! { start_apart;
    async fn a_copy_renews_nothing_until_an_admin_confirms_that_it_is_the_live_one(app: TestApp) {
        let (_, id) = ended(&app).await;
        app.person(Role::Viewer).await;
        let copy = Process::start_on(&app, "copy", &app.folder().join("services"), &copied(&app).await).await;
        let calls = app.acme().calls("/token").await;
        let viewer = copy.sign_in("viewer@example.com").await;
        viewer.get("/authorizers").await.expect(200).shows(&["This looks like a restored copy."]);
        assert!(!viewer.page().has("a[href='/installation']"), "it is not for a viewer to answer");
        viewer.get("/installation").await.expect(403);

        let owner = copy.sign_in("owner@example.com").await;
        owner.get(&format!("/authorizers/{id}/revoke")).await.expect(200);
        owner.submit("form[action$='/revoke']", &[]).await.expect(409).shows(&["restored copy"]);
        assert_eq!(app.acme().calls("/token").await, calls);
        let (code, said) = copy.check();
        assert!(code != 0 && said.contains("wrong    database: it lies in another place"), "{said}");

        owner.get("/installation").await.expect(200).shows(&["Is this the live installation?"]);
        owner.submit("form#confirm", &[]).await.expect(200).shows(&["This is the live installation."]);
        assert!(!owner.get("/authorizers").await.shown().contains("restored copy"));
        owner.get("/activity?verb=confirmed").await.shows(&["This installation"]);
        let (code, said) = copy.check();
        assert!(code == 0, "{said}");
        owner.get("/sources/new/acme-reports").await.expect(200);
        owner.submit("form#flow", &[("name", "Clicks"), ("authorizer", id.as_str()), ("s.dataset", "reports"), ("action", "load")]).await.expect(200);
        assert_eq!(app.acme().calls("/token").await, calls + 1, "now it renews");
    }

    async fn a_database_that_was_put_back_is_noticed_while_the_app_runs(app: TestApp) {
        let (owner, id) = ended(&app).await;
        let backup = app.database.with(standing::find).expect("a sign of life");
        assert_eq!(app.look().await, None);
        assert!(app.database.with(standing::find).expect("a sign of life").beat > backup.beat);
        let now = app.ctx.clock.now();
        app.database.with(|c| standing::put(c, &backup, now));
        assert_eq!(app.look().await, Some(Doubt::Older));
        let calls = app.acme().calls("/token").await;
        owner.get(&format!("/authorizers/{id}")).await.shows(&["This looks like a restored copy."]);
        owner.submit("form[action$='/test']", &[]).await;
        assert_eq!(app.acme().calls("/token").await, calls);
        for role in [Role::Viewer, Role::Editor, Role::Authorizer] {
            let other = app.person(role).await;
            let token = other.get("/account").await.attr("input[name=csrf]", "value").expect("a token");
            other.post("/installation", "application/x-www-form-urlencoded", &format!("csrf={token}")).await.expect(403);
            assert_eq!(app.look().await, Some(Doubt::Older), "{role:?} ended the pause");
        }
        owner.get("/installation").await.shows(&["restored from a backup"]);
        owner.submit("form#confirm", &[]).await.expect(200);
        assert_eq!(app.look().await, None);
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        assert_eq!(app.acme().calls("/token").await, calls + 1);
    }
}

with_app! { start_fixed;
    async fn a_copy_uses_a_token_in_its_last_minutes_and_does_not_renew_it(app: TestApp) {
        let owner = app.set_up().await;
        acme::enter_app(&app, &owner).await;
        let page = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Allow).await;
        let id = AuthorizerId::from(page.expect(200).path().rsplit('/').next().unwrap());
        let backup = app.database.with(standing::find).expect("a sign of life");
        app.ctx.clock.advance(Duration::from_secs(3_590));
        assert_eq!(app.look().await, None);
        let now = app.ctx.clock.now();
        app.database.with(|c| standing::put(c, &backup, now));
        assert_eq!(app.look().await, Some(Doubt::Older));
        let token = async || {
            let open = account::open(&app.ctx, &id).await?;
            Ok::<_, Error>(open.account().value("access_token").unwrap().to_owned())
        };
        let before = app.contents();
        let first = token().await.expect("it is valid for ten seconds more");
        assert_eq!(token().await.expect("it is as it was"), first);
        assert_eq!(before.get("authorizers"), app.contents().get("authorizers"));
        app.ctx.clock.advance(Duration::from_secs(11));
        assert!(matches!(token().await, Err(Error::Paused)), "it has ended");
        owner.get("/installation").await.expect(200);
        owner.submit("form#confirm", &[]).await.expect(200);
        assert_ne!(token().await.expect("it is renewed"), first);
    }
}
