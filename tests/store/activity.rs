//! Activity: newest first, filtered, in pages.
use std::time::Duration;

use ::authorizers::model::activity::{NewActivity, SubjectKind};
use ::authorizers::model::page::Cursor;
use ::authorizers::store::activity::{self, Filter};
use ::authorizers::store::{Db, StoreError};

use super::make::NOW;
use crate::support::database::{Database, on_both};

on_both! {
    async fn it_is_listed_newest_first_by_subject_verb_and_actor(_database: &Database, db: Db) {
        db.write(|c| {
            for number in 0..120_u64 {
                let new = NewActivity {
                    verb: if number % 2 == 0 { "tested" } else { "edited" },
                    subject_kind: SubjectKind::Authorizer,
                    subject_id: format!("a{}", number % 3),
                    subject_name: "A".to_owned(),
                    note: String::new(),
                };
                let user = "u".into();
                let actor = (number % 4 == 0).then_some((&user, "Ann"));
                activity::insert(c, NOW.plus(Duration::from_secs(number / 2)), &format!("l{number:03}").into(), actor, &new, None)?;
            }
            let (mut ids, mut cursor) = (Vec::new(), Cursor(None));
            loop {
                let page = activity::list(c, &Filter::default(), &cursor)?;
                ids.extend(page.rows.iter().map(|row| row.id.to_string()));
                let Some(next) = page.next else { break };
                cursor = Cursor(Some(next));
            }
            assert_eq!((ids.len(), ids[0].as_str(), ids[119].as_str()), (120, "l119", "l000"));
            assert!(ids.is_sorted_by(|a, b| a > b));
            let count = |c: &mut _, filter: Filter| {
                let first = activity::list(c, &filter, &Cursor(None)).unwrap();
                let second = first.next.map(|next| activity::list(c, &filter, &Cursor(Some(next))).unwrap());
                first.rows.len() + second.map_or(0, |page| page.rows.len())
            };
            let subject = Some((SubjectKind::Authorizer, "a1".to_owned()));
            assert_eq!(count(c, Filter { subject: subject.clone(), ..Filter::default() }), 40);
            assert_eq!(count(c, Filter { subject, verb: Some("tested".to_owned()), ..Filter::default() }), 20);
            assert_eq!(count(c, Filter { actor: Some("u".into()), ..Filter::default() }), 30);
            assert_eq!(count(c, Filter { subject: Some((SubjectKind::Source, String::new())), ..Filter::default() }), 0);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }
}
