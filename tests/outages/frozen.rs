//! A database that is silent without closing, and one that is gone.
use std::time::{Duration, Instant};

use super::{READY_LIMIT, look, ready, until_ready};
use crate::support::postgres::Postgres;
use crate::support::program::Program;

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_postgres_hangs_no_page_and_is_found_again_when_it_thaws() {
    let server = Postgres::own();
    let program = Program::new().with("DATABASE_URL", &server.url());
    let serving = program.serve().await;
    let owner = serving.set_up().await;
    let base = program.base();
    // Several connections, all of them idle.
    let warm = (0..6).map(|_| look(&owner, "/members"));
    assert!(futures_util::future::join_all(warm).await.iter().all(|page| page.status == 200));
    tokio::time::sleep(Duration::from_secs(6)).await;

    let frozen = server.freeze();
    for _ in 0..3 {
        let (status, said, took) = ready(&base).await;
        assert_eq!((status, said.as_str()), (503, "not ready: the database doesn't answer\n"));
        assert!(took < READY_LIMIT, "{took:?}");
    }
    let asked = Instant::now();
    let pages = (0..12).map(|_| look(&owner, "/members"));
    for page in futures_util::future::join_all(pages).await {
        let page = page.expect(503);
        page.shows(&["The database doesn't answer", "Try again in a moment"]);
        assert_eq!(page.header("retry-after"), Some("10"));
    }
    let took = asked.elapsed();
    // It took 24 seconds where a whole suite ran beside it.
    assert!(took < Duration::from_secs(45), "{took:?}");

    drop(frozen);
    until_ready(&base).await;
    look(&owner, "/members").await.expect(200);

    drop(server);
    let (status, said, took) = ready(&base).await;
    assert_eq!((status, said.as_str()), (503, "not ready: the database doesn't answer\n"));
    assert!(took < READY_LIMIT, "{took:?}");
    look(&owner, "/members").await.expect(503).shows(&["The database doesn't answer"]);
}
