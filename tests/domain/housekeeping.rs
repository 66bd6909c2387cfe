//! What is forgotten, and when: each kind of row just before its time and just after it.
use std::time::Duration;

use authorizers::domain::authorizers::test;
use authorizers::domain::housekeeping::purge;
use authorizers::model::time::DAY;

use crate::support::app::{TestApp, with_app};
use crate::support::house;

const HOUR: Duration = Duration::from_secs(3600);

/// A kind of row: how one is inserted with `{id}` and `{at}`, and how long after that it is kept.
struct Kept {
    table: &'static str,
    insert: &'static str,
    lasts: Duration,
}

const KEPT: [Kept; 8] = [
    Kept {
        table: "attempts",
        insert: "INSERT INTO attempts (id, state_hash, browser_hash, user_id, service, auth, name,
                   state, missing_scopes, created_at, expires_at)
                 SELECT '{id}', '{id}', 'b', id, 'slack', 'oauth', '', 'failed', '[]', 1, {at}
                 FROM users",
        lasts: HOUR,
    },
    Kept {
        table: "drafts",
        insert: "INSERT INTO drafts (id, user_id, kind, service, sealed, sealed_key, created_at,
                   expires_at)
                 SELECT '{id}', id, 'source', 'slack', sealed, sealed_key, 1, {at}
                 FROM users, (SELECT sealed, sealed_key FROM authorizers LIMIT 1) AS kept",
        lasts: Duration::ZERO,
    },
    Kept {
        table: "sessions",
        insert: "INSERT INTO sessions (id, user_id, epoch, address, user_agent, created_at,
                   last_seen_at)
                 SELECT '{id}', id, 1, '', '', 1, {at} FROM users",
        lasts: DAY.saturating_mul(30),
    },
    Kept {
        table: "invitations",
        insert: "INSERT INTO invitations (id, user_id, token_hash, created_at, expires_at)
                 SELECT '{id}', id, '{id}', 1, {at} FROM users",
        lasts: DAY.saturating_mul(30),
    },
    Kept {
        table: "tests",
        insert: "INSERT INTO tests (id, authorizer_id, started_by_name, state, steps, started_at,
                   finished_at)
                 SELECT '{id}', id, '', 'passed', '[]', {at}, {at} FROM authorizers",
        lasts: DAY.saturating_mul(730),
    },
    Kept {
        table: "activity",
        insert: "INSERT INTO activity (id, at, actor_name, verb, subject_kind, subject,
                   subject_name, note)
                 VALUES ('{id}', {at}, '', 'tested', 'authorizer', '', '', '')",
        lasts: DAY.saturating_mul(730),
    },
    Kept {
        table: "notices",
        insert: "INSERT INTO notices (id, kind, dedupe, service, name, created_at, spread_at)
                 VALUES ('{id}', 'broken', '{id}', 'slack', '', {at}, {at})",
        lasts: DAY.saturating_mul(90),
    },
    Kept {
        table: "swaps",
        insert: "INSERT INTO swaps (id, service, from_name, to_name, to_version, state,
                   started_by_name, started_at)
                 VALUES ('{id}', 'slack', '', '', 1, 'checked', '', {at})",
        lasts: DAY.saturating_mul(30),
    },
];

fn ids(app: &TestApp, table: &str) -> String {
    app.database.value(&format!(
        "SELECT COALESCE((SELECT MIN(id) FROM {table} WHERE id LIKE 'kept-%'), '') || ' '
           || COALESCE((SELECT MAX(id) FROM {table} WHERE id LIKE 'kept-%'), '') AS value"
    ))
}

with_app! { start_fixed;
    async fn rows_are_kept_for_their_time_and_no_longer(app: TestApp) {
        app.set_up().await;
        house::postgres(&app, &house::owner(&app), "Shop").await;
        let now = app.ctx.clock.now();
        for kept in &KEPT {
            let end = now.minus(kept.lasts).micros();
            for (id, at) in [("kept-gone", end - 1), ("kept-there", end)] {
                app.database.execute(&kept.insert.replace("{id}", id).replace("{at}", &at.to_string()));
            }
            assert_eq!(ids(&app, kept.table), "kept-gone kept-there", "{}", kept.table);
        }
        purge(&app.ctx).await.expect("a purge");
        for kept in &KEPT {
            assert_eq!(ids(&app, kept.table), "kept-there kept-there", "{}", kept.table);
        }
    }

    async fn a_test_whose_process_died_has_failed_once_its_time_is_over(app: TestApp) {
        app.set_up().await;
        house::postgres(&app, &house::owner(&app), "Shop").await;
        let begun = |seconds: u64| app.ctx.clock.now().minus(Duration::from_secs(seconds));
        let limit = test::LIMIT.as_secs();
        for (id, at) in [("young", begun(limit)), ("old", begun(limit + 1))] {
            let Kept { insert, .. } = &KEPT[4];
            let running = insert.replace("'passed'", "'running'").replace("{at}, {at}", &format!("{}, NULL", at.micros()));
            app.database.execute(&running.replace("{id}", id));
        }
        purge(&app.ctx).await.expect("a purge");
        let state = |id: &str| app.database.value(&format!("SELECT state AS value FROM tests WHERE id = '{id}'"));
        assert_eq!((state("young"), state("old")), ("running".to_owned(), "failed".to_owned()));
    }
}
