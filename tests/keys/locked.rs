//! *Locked* is what every process would say, and it goes when its reason has gone.
use authorizers::crypto::{Cipher, KeyRing};
use authorizers::domain::authorizers::{account, locked, test, upkeep};
use authorizers::domain::flows::FlowForm;
use authorizers::domain::flows::read;
use authorizers::domain::{Ctx, Error};
use authorizers::model::flow::FlowKind;
use authorizers::model::ids::AuthorizerId;
use authorizers::model::role::Role;

use crate::support::app::{TestApp, with_app};
use crate::support::house;
use crate::support::postgres;
use crate::support::program::{Program, key_id};

const LOCKED: &str = "UPDATE authorizers SET health = 'locked', cause = 'key_missing', attention = 0, \
     next_try_at = 9000000000000000";

fn health(app: &TestApp, name: &str) -> String {
    app.database.value(&format!("SELECT health AS value FROM authorizers WHERE name = '{name}'"))
}

/// An account of the test server that works.
async fn warehouse(app: &TestApp) -> AuthorizerId {
    let user = ("postgres", "authorizers", "unused");
    house::real_postgres(app, "Warehouse", postgres::shared().port(), user).await
}

/// A process that has the database and other keys. It would not start; here it is already running.
fn foreign(app: &TestApp) -> Ctx {
    Ctx { cipher: Cipher::new(KeyRing::generate()), ..app.ctx.clone() }
}

async fn round(ctx: &Ctx) {
    upkeep::run(ctx, &|| false).await.unwrap_or_else(|error| panic!("a round failed: {error:?}"));
}

with_app! {
    async fn a_process_with_other_keys_writes_nothing_into_the_rows_of_others(app: TestApp) {
        app.person(Role::Owner).await;
        let id = warehouse(&app).await;
        let other = foreign(&app);
        let report = Box::pin(test::run_once(&other, &id, &mut |_| ())).await.expect("a report");
        assert!(!report.is_ok());
        app.database.execute("UPDATE authorizers SET next_try_at = 1");
        round(&other).await;
        assert_eq!(health(&app, "Warehouse"), "ok");
        assert!(account::open(&app.ctx, &id).await.is_ok());
    }

    async fn what_was_called_locked_works_again_once_the_right_keys_are_there(app: TestApp) {
        app.person(Role::Owner).await;
        warehouse(&app).await;
        app.database.execute(LOCKED);
        assert_eq!(locked::retry_all(&app.ctx).await.expect("the start asks for it"), 1);
        round(&app.ctx).await;
        assert_eq!(health(&app, "Warehouse"), "ok");
        let lines = "SELECT CAST(COUNT(*) AS TEXT) AS value FROM activity WHERE verb = 'recovered'";
        assert_eq!(app.database.value(lines), "1");
    }

    async fn a_use_opens_what_was_called_locked(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let id = warehouse(&app).await;
        app.database.execute(LOCKED);
        owner.get("/authorizers").await.shows(&["Locked"]);
        let settings = [("mode", "query"), ("query", "SELECT 42 AS answer")];
        let form = FlowForm {
            kind: FlowKind::Source,
            service_id: "postgresql".into(),
            name: "Answers".to_owned(),
            authorizer_id: Some(id),
            settings: settings.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        };
        let tested = read::test_only(&app.ctx, &house::owner(&app), &form).await;
        let tested = tested.unwrap_or_else(|error| panic!("it was not used: {error:?}"));
        assert_eq!(tested.table.expect("a table").rows.len(), 1);
        assert_eq!(health(&app, "Warehouse"), "unverified");
        round(&app.ctx).await;
        assert_eq!(health(&app, "Warehouse"), "ok");
    }

    async fn altered_bytes_lock_their_row_alone_until_they_are_put_back(app: TestApp) {
        app.person(Role::Owner).await;
        let id = warehouse(&app).await;
        house::postgres(&app, &house::owner(&app), "Other").await;
        app.database.execute("CREATE TABLE kept AS SELECT id, sealed FROM authorizers");
        app.database.execute(
            "UPDATE authorizers SET sealed = (SELECT sealed FROM kept WHERE kept.id <> authorizers.id), next_try_at = 1
             WHERE name = 'Warehouse'",
        );
        round(&app.ctx).await;
        assert_eq!((health(&app, "Warehouse"), health(&app, "Other")), ("locked".into(), "unverified".into()));
        assert!(matches!(account::open(&app.ctx, &id).await, Err(Error::Locked)));
        app.database.execute("UPDATE authorizers SET sealed = (SELECT sealed FROM kept WHERE kept.id = authorizers.id)");
        app.database.execute("DROP TABLE kept");
        app.database.execute("UPDATE authorizers SET next_try_at = next_try_at - 600000000 WHERE name = 'Warehouse'");
        round(&app.ctx).await;
        assert_eq!(health(&app, "Warehouse"), "ok");
    }

    async fn a_lost_key_is_given_up_and_found_again(app: TestApp) {
        app.person(Role::Owner).await;
        warehouse(&app).await;
        let old_file = app.folder().join("data/keys");
        let (old, program) = (key_id(&old_file), Program::beside(&app));
        program.run(&["keys", "abandon", "k-unknown"]).failed().has(&["knows no key `k-unknown`", &old]);
        let holder = Program::beside(&app).with("KEYS_FILE", &old_file.display().to_string());
        holder.run(&["keys", "abandon", &old]).failed().has(&["nothing is lost"]);
        program.run(&["serve"]).failed();

        let said = program.run(&["keys", "abandon", &old]);
        said.passed().has(&["seals 1 authorizer", "locked", "If you find the key"]);
        program.run(&["keys", "status"]).passed().has(&["abandoned   seals 1 authorizer"]);
        program.run(&["check"]).passed();
        let serving = program.serve().await;
        let owner = serving.sign_in("owner@example.com").await;
        wait_for(&app, "locked").await;
        let page = owner.get("/authorizers").await;
        page.shows(&["Warehouse", "Locked"]);
        serving.stop();

        // Found again, as the second key of the new ring.
        let (new, found) = (std::fs::read_to_string(program.keys()).unwrap(), std::fs::read_to_string(&old_file).unwrap());
        let line = found.lines().find(|line| line.starts_with("k-")).unwrap();
        std::fs::write(program.keys(), format!("{new}{line}\n")).unwrap();
        let serving = program.serve().await;
        wait_for(&app, "ok").await;
        serving.stop();
        program.run(&["keys", "status"]).passed().has(&["reads   seals 1 authorizer"]);
    }

    async fn what_a_lost_key_sealed_is_entered_again(app: TestApp) {
        app.person(Role::Owner).await;
        warehouse(&app).await;
        let (old, program) = (key_id(&app.folder().join("data/keys")), Program::beside(&app));
        program.run(&["keys", "abandon", &old]).passed();
        let serving = program.serve().await;
        let owner = serving.sign_in("owner@example.com").await;
        wait_for(&app, "locked").await;
        let id = app.database.value("SELECT id AS value FROM authorizers");
        owner.get(&format!("/authorizers/{id}/edit")).await.expect(200);
        let port = postgres::shared().port().to_string();
        let fields = [
            ("host", "127.0.0.1"), ("port", &port), ("database", "postgres"), ("user", "authorizers"),
            ("password", "unused"), ("tls", "require"), ("ssh", "off"), ("action", "test"),
        ];
        owner.submit("form#authorizer", &fields).await.expect(200);
        assert_eq!(health(&app, "Warehouse"), "ok");
        program.run(&["keys", "status"]).passed().has(&["abandoned   seals nothing"]);
    }
}

/// The worker of the other process has come to it.
async fn wait_for(app: &TestApp, state: &str) {
    let started = std::time::Instant::now();
    while health(app, "Warehouse") != state {
        let is_late = started.elapsed() > std::time::Duration::from_secs(30);
        assert!(!is_late, "it is {}, not {state}", health(app, "Warehouse"));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
