//! With which keys a process starts on a database, and with which it does not.
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::app::{TestApp, with_app};
use crate::support::house;
use crate::support::program::{Program, key_id};

/// Five authorizers with sealed secrets.
async fn fill(app: &TestApp) {
    app.set_up().await;
    let owner = house::owner(app);
    for number in 0..5 {
        house::postgres(app, &owner, &format!("Warehouse {number}")).await;
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
    std::fs::copy(from, to).expect("a copy of the key file");
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o600)).expect("closed to others");
}

/// Each row's health, as every process sees it.
fn health(app: &TestApp) -> String {
    let sql = "SELECT MIN(health) || ' ' || MAX(health) AS value FROM authorizers";
    app.database.value(sql)
}

with_app! {
    async fn without_the_keys_of_the_database_nothing_starts_and_no_keys_are_made(app: TestApp) {
        fill(&app).await;
        let own = key_id(&app.folder().join("data/keys"));
        let before = health(&app);
        let replica = Program::beside(&app);
        for args in [&["serve"] as &[&str], &["check"], &["keys", "status"]] {
            let seals = format!("`{own}` (seals 5 authorizers)");
            let said = replica.run(args);
            said.failed().has(&[&seals, "data/keys", "does not exist", "from your backup"]);
            assert!(!replica.keys().exists(), "{args:?} made a key file");
        }
        assert_eq!(health(&app), before);

        copy(&app.folder().join("data/keys"), &replica.keys());
        replica.run(&["check"]).passed();
        let serving = replica.serve().await;
        serving.sign_in("owner@example.com").await.get("/authorizers").await.shows(&["Warehouse 4"]);
    }

    async fn the_keys_of_another_installation_are_refused(app: TestApp) {
        fill(&app).await;
        let own = key_id(&app.folder().join("data/keys"));
        let (other, replica) = (Program::new(), Program::beside(&app));
        other.serve().await.stop();
        let foreign = key_id(&other.keys());
        copy(&other.keys(), &replica.keys());
        let before = (health(&app), app.database.count("facts"));
        for args in [&["serve"] as &[&str], &["check"], &["keys", "status"]] {
            let said = replica.run(args);
            said.failed().has(&[&own, &foreign, "5 authorizers", "authorizers keys abandon"]);
        }
        assert_eq!((health(&app), app.database.count("facts")), before, "it was written to");
    }

    async fn keys_that_seal_nothing_yet_are_asked_for_all_the_same(app: TestApp) {
        let own = key_id(&app.folder().join("data/keys"));
        Program::beside(&app).run(&["serve"]).failed().has(&[&own, "does not exist"]);
    }

    async fn a_new_key_writes_beside_the_old_one_and_then_both_are_needed(app: TestApp) {
        fill(&app).await;
        let old_file = app.folder().join("data/keys");
        let (old, other, replica) = (key_id(&old_file), Program::new(), Program::beside(&app));
        other.serve().await.stop();
        let (old_text, new_text) =
            (std::fs::read_to_string(&old_file).unwrap(), std::fs::read_to_string(other.keys()).unwrap());
        let key = |text: &str| text.lines().find(|line| line.starts_with("k-")).unwrap().to_owned();
        let cookie = old_text.lines().find(|line| line.starts_with("cookie")).unwrap();
        let ring = format!("{},{},{cookie}", key(&new_text), key(&old_text));
        let replica = replica.with("KEYS", &ring);
        let serving = replica.serve().await;
        let owner = serving.sign_in("owner@example.com").await;
        owner.get("/webhooks/new").await.expect(200);
        owner.submit("#webhook", &[("name", "Chat"), ("url", "https://chat.example.com/x")]).await.expect(200);
        serving.stop();
        let said = replica.run(&["keys", "status"]);
        said.passed().has(&["writes and reads   seals 1 webhook", "reads   seals 5 authorizers"]);
        let without_old = replica.with("KEYS", &format!("{},{cookie}", key(&new_text)));
        without_old.run(&["serve"]).failed().has(&[&format!("`{old}` (seals 5 authorizers)")]);
        let without_new = without_old.with("KEYS", &format!("{},{cookie}", key(&old_text)));
        without_new.run(&["serve"]).failed().has(&["(seals 1 webhook)"]);
    }
}

/// Both make a key, and one of them is first.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_first_starts_with_different_keys_one_is_refused() {
    use crate::support::database::{Database, Kind};
    for _ in 0..3 {
        let database = Database::blank(Kind::Postgres);
        let programs = [0, 1].map(|_| Program::new().with("DATABASE_URL", &database.url));
        let started = std::thread::scope(|scope| {
            let runs = programs.each_ref().map(|program| {
                scope.spawn(|| program.run(&["owner", "--email", "ana@example.com"]).text)
            });
            runs.map(|run| run.join().expect("no panic"))
        });
        let refused = started.iter().filter(|said| said.contains("sealed with are missing"));
        assert_eq!(refused.count(), 1, "{started:?}");
    }
}
