//! A disk without space.
use std::sync::{Arc, Barrier};
use std::time::Duration;

use authorizers::model::outage::Outage;
use authorizers::model::time::Moment;
use authorizers::store::{Db, StoreError, facts};
use diesel::connection::SimpleConnection;

use super::{look, ready, send, until_ready};
use crate::pages::crawl::Crawl;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::Kind;
use crate::support::house;
use crate::support::page::Page;
use crate::support::program::Program;

/// As many as the app's pool has.
const CONNECTIONS: usize = 8;

/// Says so on each connection of the pool: the setting is not the file's.
async fn on_each_connection(db: &Db, sql: &'static str) {
    let all_there = Arc::new(Barrier::new(CONNECTIONS));
    let each = (0..CONNECTIONS).map(|_| {
        let (db, all_there) = (db.clone(), Arc::clone(&all_there));
        async move {
            db.read(move |c| {
                all_there.wait();
                c.batch_execute(sql)?;
                Ok::<(), StoreError>(())
            })
            .await
        }
    });
    for done in futures_util::future::join_all(each).await {
        done.expect("the setting is taken");
    }
}

/// Leaves no room in the pages that are there.
async fn fill(db: &Db) {
    for size in [100_000, 3_000, 500, 50] {
        for number in 0..2_000 {
            let (name, now) = (format!("filling {size} {number}"), Moment::from_micros(1));
            match db.write(move |c| facts::put(c, &name, &vec![0; size], now)).await {
                Ok(()) => {}
                Err(error) => {
                    assert_eq!(error, StoreError::Unavailable(Outage::DiskFull));
                    break;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_read_from_and_what_was_typed_is_sent_again_when_there_is_space() {
    let app = TestApp::start_fixed(Kind::Sqlite).await;
    house::furnish(&app).await;
    let owner = app.sign_in("owner@example.com").await;
    until_ready(&app.base).await;
    on_each_connection(&app.ctx.db, "PRAGMA max_page_count = 1").await;
    fill(&app.ctx.db).await;
    // Long after *last seen* was written, and after a write was last tried for the balancer.
    for _ in 0..3 {
        app.ctx.clock.advance(Duration::from_secs(120));
        for path in ["/authorizers", "/activity", "/account", "/sources"] {
            assert_eq!(look(&owner, path).await.status, 200, "{path}");
        }
    }
    for (path, page) in Crawl::from(&owner, &["/"]).await.pages {
        assert!(page.status < 500, "{path} answered {}:\n{}", page.status, page.shown());
    }
    let (status, said, _) = ready(&app.base).await;
    assert_eq!(
        (status, said.as_str()),
        (
            503,
            "not ready: the disk that holds the database is full; it can be read, and not written\n"
        )
    );
    let page = make_webhooks_until_refused(&owner).await;
    page.shows(&["The disk that holds the database is full", "What you typed is still here"]);
    assert_eq!(page.header("retry-after"), Some("60"));
    let name = page.attr("#again input[name=name]", "value").expect("what was typed");

    on_each_connection(&app.ctx.db, "PRAGMA max_page_count = 1000000").await;
    owner.submit("#again", &[]).await.expect(200).shows(&[&name]);
    app.ctx.clock.advance(Duration::from_secs(3));
    until_ready(&app.base).await;
}

/// A row fits into a page that is there, until none has room.
async fn make_webhooks_until_refused(owner: &Client) -> Page {
    for number in 0..200 {
        let name = format!("Chat {number}");
        let fields = [("name", name.as_str()), ("url", "https://chat.example.com/x")];
        let page = send(owner, "/webhooks/new", "form#webhook", &fields).await;
        if page.status == 503 {
            return page;
        }
    }
    panic!("there is still room");
}

/// A limit of the file's size is an error of the disk to SQLite. `trap` keeps the system from ending
/// the process for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_grow_stops_writes_and_no_page() {
    let program = Program::new().with("LOG", "error");
    let serving = program.serve().await;
    serving.set_up().await;
    serving.stop();
    let program = program.wrapped("trap '' XFSZ; ulimit -f 400; exec \"$@\"");
    let serving = program.serve().await;
    let owner = serving.sign_in("owner@example.com").await;
    let refused = make_webhooks_until_refused(&owner).await;
    refused
        .shows(&["The disk that holds the database has a problem", "What you typed is still here"]);
    for path in ["/authorizers", "/activity", "/account", "/sources"] {
        assert_eq!(look(&owner, path).await.status, 200, "{path}");
    }
    // What little room was left is used up by trying.
    let started = std::time::Instant::now();
    while ready(&program.base()).await.0 != 503 {
        assert!(started.elapsed() < Duration::from_secs(90), "it is called ready");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}
