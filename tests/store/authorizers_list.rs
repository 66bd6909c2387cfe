//! The list: orders, filters, search, pages; the same on both databases.
use ::authorizers::model::authorizer::{Badge, EndKind, Filter, Health, Lifecycle, Sort};
use ::authorizers::model::page::Cursor;
use ::authorizers::model::revocation::RevocationOutcome;
use ::authorizers::model::time::{DAY, Moment};
use ::authorizers::store::{AnyConnection, Db, StoreError, authorizers};

use super::make::{self, NOW};
use crate::support::database::{Database, on_both};

/// All pages of a list, as names.
fn names(c: &mut AnyConnection, filter: &Filter) -> Vec<String> {
    let (mut names, mut cursor, mut pages) = (Vec::new(), Cursor(None), 0);
    loop {
        let page = authorizers::list(c, filter, &cursor, NOW).unwrap();
        names.extend(page.rows.into_iter().map(|row| row.name));
        pages += 1;
        assert!(pages < 20, "the pages do not end");
        match page.next {
            Some(next) => cursor = Cursor(Some(next)),
            None => return names,
        }
    }
}

const STATES: [(&str, Lifecycle, Health, Option<i64>, Badge); 12] = [
    ("needs", Lifecycle::Active, Health::NeedsReauthorization, None, Badge::Broken),
    ("misconfigured", Lifecycle::Active, Health::Misconfigured, None, Badge::Broken),
    ("ended", Lifecycle::Active, Health::Ok, Some(0), Badge::Broken),
    ("locked", Lifecycle::Active, Health::Locked, None, Badge::Locked),
    ("retrying", Lifecycle::Active, Health::Retrying, None, Badge::Retrying),
    ("untested", Lifecycle::Active, Health::Unverified, None, Badge::NotTested),
    ("due", Lifecycle::Active, Health::Ok, Some(30), Badge::DueSoon),
    ("later", Lifecycle::Active, Health::Ok, Some(31), Badge::Connected),
    ("endless", Lifecycle::Active, Health::Ok, None, Badge::Connected),
    ("revoking", Lifecycle::Revoking, Health::Ok, None, Badge::Revoking),
    ("revoked", Lifecycle::Revoked, Health::Locked, None, Badge::Revoked),
    ("disconnected", Lifecycle::Revoked, Health::Ok, None, Badge::Disconnected),
];

/// One authorizer in each state.
fn one_of_each(c: &mut AnyConnection) -> Result<(), StoreError> {
    for (name, lifecycle, health, days, _) in STATES {
        let mut new = make::authorizer(name, name);
        (new.lifecycle, new.health) = (lifecycle, health);
        new.revocation = match name {
            "revoked" => Some(RevocationOutcome::Proved),
            "disconnected" => Some(RevocationOutcome::Refused),
            _ => None,
        };
        new.ends_at = days.map(|days| NOW.plus(DAY * u32::try_from(days).unwrap()));
        new.end_kind = if days.is_some() { EndKind::Known } else { EndKind::Unknown };
        authorizers::insert(c, &new, None)?;
    }
    Ok(())
}

/// 130 authorizers whose five orders all differ, with many equal keys in each.
fn many(c: &mut AnyConnection) -> Result<(), StoreError> {
    for number in 0..130_i64 {
        let mut new = make::authorizer(
            &format!("id{:03}", (number * 37) % 130),
            &format!("Name {:03}", (number * 61) % 130),
        );
        new.created_at = Moment::from_micros(NOW.micros() + number % 7);
        new.last_checked_at = (number % 3 > 0).then(|| Moment::from_micros(number % 5 + 1));
        new.health = [Health::Ok, Health::Misconfigured, Health::Retrying]
            [usize::try_from(number % 3).unwrap()];
        new.ends_at =
            (number % 4 > 0).then(|| NOW.plus(DAY * u32::try_from(number % 4 + 40).unwrap()));
        new.service_id = ["google-ads", "slack"][usize::try_from(number % 2).unwrap()].into();
        authorizers::insert(c, &new, None)?;
    }
    Ok(())
}

on_both! {
    async fn each_badge_filters_exactly_those_that_show_it(_database: &Database, db: Db) {
        db.write(|c| {
            one_of_each(c)?;
            for badge in Badge::ALL {
                for sort in Sort::ALL {
                    let filter = Filter { badge: Some(*badge), sort: *sort, ..Filter::default() };
                    let rows = authorizers::list(c, &filter, &Cursor(None), NOW)?.rows;
                    assert!(rows.iter().all(|row| row.badge == *badge));
                    let mut found: Vec<String> = rows.into_iter().map(|row| row.name).collect();
                    let mut expected: Vec<&str> = STATES.iter().filter(|state| state.4 == *badge).map(|state| state.0).collect();
                    found.sort();
                    expected.sort_unstable();
                    assert_eq!(found, expected, "{badge:?} by {sort:?}");
                }
            }
            assert_eq!(authorizers::count_attention(c, NOW)?, (4, 1));
            let ended = authorizers::mark_ended(c, NOW)?;
            assert_eq!(ended.into_iter().map(|row| row.name).collect::<Vec<_>>(), ["ended"]);
            assert_eq!(authorizers::count_attention(c, NOW)?, (4, 1));
            let first = authorizers::list(c, &Filter::default(), &Cursor(None), NOW)?.rows.remove(0);
            assert_eq!((first.name.as_str(), first.badge), ("ended", Badge::Broken));
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn pages_in_every_order_hold_each_row_once(_database: &Database, db: Db) {
        db.write(|c| {
            many(c)?;
            for sort in Sort::ALL {
                for badge in [None, Some(Badge::Broken)] {
                    for service in [None, Some("slack")] {
                        let filter = Filter { sort: *sort, badge, service_id: service.map(Into::into), ..Filter::default() };
                        let mut found = names(c, &filter);
                        let count = found.len();
                        found.sort();
                        found.dedup();
                        assert_eq!(found.len(), count, "{filter:?} shows a row twice");
                        let expected = match (badge, service) {
                            (None, None) => 130,
                            (None, Some(_)) => 65,
                            (Some(_), None) => 43,
                            (Some(_), Some(_)) => 22,
                        };
                        assert_eq!(count, expected, "{filter:?}");
                    }
                }
            }
            let by_name = names(c, &Filter { sort: Sort::Name, ..Filter::default() });
            assert!(by_name.is_sorted());
            let rows = authorizers::list(c, &Filter { sort: Sort::LastChecked, ..Filter::default() }, &Cursor(None), NOW)?.rows;
            assert!(rows.iter().map(|row| row.last_checked_at).is_sorted_by(|a, b| a >= b));
            let rows = authorizers::list(c, &Filter { sort: Sort::EndsFirst, ..Filter::default() }, &Cursor(None), NOW)?.rows;
            assert!(rows.iter().map(|row| row.ends_at).is_sorted_by(|a, b| a <= b && a.is_some()), "no end is the last end");
            let by_end = Filter { sort: Sort::EndsFirst, ..Filter::default() };
            let endless = authorizers::list(c, &by_end, &authorizers::without_end(), NOW)?.rows;
            assert!(endless.len() == 25 && endless.iter().all(|row| row.ends_at.is_none()));
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn two_parts_of_a_badge_are_merged_in_order(_database: &Database, db: Db) {
        db.write(|c| {
            for number in 0..120_u32 {
                let mut new = make::authorizer(&format!("id{number:03}"), &format!("Name {number:03}"));
                if number % 2 == 0 {
                    new.health = Health::NeedsReauthorization;
                } else {
                    new.ends_at = Some(NOW.minus(DAY));
                }
                authorizers::insert(c, &new, None)?;
            }
            let filter = Filter { badge: Some(Badge::Broken), sort: Sort::Name, ..Filter::default() };
            let found = names(c, &filter);
            assert_eq!(found.len(), 120);
            assert!(found.is_sorted());
            assert_eq!(names(c, &Filter { sort: Sort::Attention, ..filter }).len(), 120);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn a_search_finds_what_is_written_whatever_its_case_and_takes_signs_literally(_database: &Database, db: Db) {
        db.write(|c| {
            for (id, name) in [("a", "100% Shop"), ("b", "1000 Shop"), ("c", "under_score"), ("d", "underscore"), ("e", "ÄRGER & Söhne"), ("f", "back\\slash \"q\" 'x'")] {
                authorizers::insert(c, &make::authorizer(id, name), None)?;
            }
            for (search, expected) in [
                ("100%", &["100% Shop"] as &[&str]),
                ("SHOP", &["100% Shop", "1000 Shop"]),
                ("r_s", &["under_score"]),
                ("rs", &["underscore"]),
                ("ärger", &["ÄRGER & Söhne"]),
                ("söhne", &["ÄRGER & Söhne"]),
                ("k\\s", &["back\\slash \"q\" 'x'"]),
                ("\"q\" 'x'", &["back\\slash \"q\" 'x'"]),
                ("ä", &["ÄRGER & Söhne"]),
                ("b@example.com", &["1000 Shop"]),
                ("nothing of the kind", &[]),
                ("  shop  ", &["100% Shop", "1000 Shop"]),
                ("shop 1000", &["1000 Shop"]),
                ("shop 10 0%", &["100% Shop"]),
                ("shop underscore", &[]),
                ("OR shop", &[]),
                ("sho*", &[]),
            ] {
                for sort in [Sort::Attention, Sort::Name] {
                    let filter = Filter { search: search.to_owned(), sort, ..Filter::default() };
                    assert_eq!(names(c, &filter), expected, "{search:?}");
                }
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn a_row_counts_its_sources_and_destinations(_database: &Database, db: Db) {
        db.write(|c| {
            authorizers::insert(c, &make::authorizer("a", "A"), None)?;
            authorizers::insert(c, &make::authorizer("b", "B"), None)?;
            make::source(c, "s1", "a")?;
            make::source(c, "s2", "a")?;
            make::destination(c, "d1", "a")?;
            let rows = authorizers::list(c, &Filter::default(), &Cursor(None), NOW)?.rows;
            let counts: Vec<_> = rows.iter().map(|row| (row.source_count, row.destination_count)).collect();
            assert_eq!(counts, [(2, 1), (0, 0)]);
            assert_eq!(authorizers::count(c, None)?, 2);
            assert_eq!(authorizers::count(c, Some(&"slack".into()))?, 0);
            assert_eq!(authorizers::list_of_service(c, &"google-ads".into(), NOW)?.len(), 2);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn a_cursor_that_is_not_ours_shows_the_first_page(_database: &Database, db: Db) {
        db.write(|c| {
            many(c)?;
            let first = authorizers::list(c, &Filter::default(), &Cursor(None), NOW)?;
            let by_name = Filter { sort: Sort::Name, ..Filter::default() };
            for text in ["", "x", "!!", "eyJhIjoxfQ", first.next.as_deref().unwrap()] {
                let page = authorizers::list(c, &by_name, &Cursor(Some(text.to_owned())), NOW)?;
                assert_eq!(page.rows[0].name, "Name 000", "{text}");
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }
}
