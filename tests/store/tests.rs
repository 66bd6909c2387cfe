//! Tests of authorizers.
use std::time::Duration;

use ::authorizers::model::need::{Need, Needs};
use ::authorizers::model::report::{Step, StepKind};
use ::authorizers::model::test_run::{TestRun, TestState};
use ::authorizers::store::{AnyConnection, Db, StoreError, authorizers, tests};

use super::make::{self, NOW};
use crate::support::database::{Database, on_both};

fn insert(c: &mut AnyConnection, id: &str, seconds: u64) -> Result<(), StoreError> {
    tests::insert(
        c,
        &TestRun {
            id: id.into(),
            authorizer_id: "a".into(),
            started_by: None,
            started_by_name: "Ann".to_owned(),
            state: TestState::Running,
            steps: vec![],
            needs: vec![],
            started_at: NOW.plus(Duration::from_secs(seconds)),
            finished_at: None,
        },
    )
}

on_both! {
    async fn a_test_shows_its_steps_and_finishes_once(_database: &Database, db: Db) {
        db.write(|c| {
            authorizers::insert(c, &make::authorizer("a", "A"), None)?;
            insert(c, "t", 0)?;
            let steps = [Step::passed(StepKind::FindHost, "db.example", 3)];
            assert!(tests::update_steps(c, &"t".into(), &steps)?);
            assert_eq!(tests::find(c, &"t".into())?.unwrap().steps, steps);
            let needs = vec![Needs { flow: None, needs: vec![Need::of("SELECT on orders", false, "GRANT …")] }];
            let done = TestRun { state: TestState::Passed, needs: needs.clone(), ..tests::find(c, &"t".into())?.unwrap() };
            assert!(tests::finish(c, &done, NOW)?);
            assert!(!tests::finish(c, &TestRun { state: TestState::Failed, steps: vec![], ..done }, NOW)?);
            assert!(!tests::update_steps(c, &"t".into(), &[])?);
            let run = tests::find(c, &"t".into())?.unwrap();
            assert_eq!((run.state, run.steps.len(), run.finished_at), (TestState::Passed, 1, Some(NOW)));
            assert_eq!(run.needs, needs);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn the_history_is_the_newest_twenty(_database: &Database, db: Db) {
        db.write(|c| {
            authorizers::insert(c, &make::authorizer("a", "A"), None)?;
            for number in 0..25 {
                insert(c, &format!("t{number}"), number)?;
            }
            let ids: Vec<String> = tests::list(c, &"a".into())?.into_iter().map(|run| run.id.to_string()).collect();
            assert_eq!((ids.len(), ids[0].as_str(), ids[19].as_str()), (20, "t24", "t5"));
            assert_eq!(tests::give_up(c, NOW.plus(Duration::from_secs(3)), NOW)?, 3);
            assert_eq!(tests::find(c, &"t2".into())?.unwrap().state, TestState::Failed);
            assert_eq!(tests::find(c, &"t3".into())?.unwrap().state, TestState::Running);
            assert_eq!(tests::purge(c, NOW.plus(Duration::from_secs(2)), 1)?, 1, "a piece at a time");
            assert_eq!(tests::purge(c, NOW.plus(Duration::from_secs(2)), 9)?, 1);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }
}
