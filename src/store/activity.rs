//! What happened. Written in the same transaction as what it tells of.
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::model::activity::{Activity, NewActivity, SubjectKind};
use crate::model::ids::{ActivityId, UserId};
use crate::model::page::{Cursor, Page};
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::keyset::{LIMIT, before, decode, encode};
use super::schema::activity;
use super::types::unknown;

#[derive(Queryable, Selectable)]
#[diesel(table_name = activity)]
struct Row {
    id: String,
    at: i64,
    actor: Option<String>,
    actor_name: String,
    verb: String,
    subject_kind: String,
    subject: String,
    subject_name: String,
    note: String,
}

impl TryFrom<Row> for Activity {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            at: Moment::from_micros(row.at),
            actor_id: row.actor.map(UserId::from),
            actor_name: row.actor_name,
            verb: row.verb,
            subject_kind: SubjectKind::from_code(&row.subject_kind).ok_or_else(|| unknown("kind of subject", &row.subject_kind))?,
            subject_id: row.subject,
            subject_name: row.subject_name,
            note: row.note,
        })
    }
}

/// `actor` is `None` when the app itself did it.
pub fn insert(
    c: &mut AnyConnection,
    now: Moment,
    id: &ActivityId,
    actor: Option<(&UserId, &str)>,
    new: &NewActivity,
) -> Result<(), StoreError> {
    diesel::insert_into(activity::table)
        .values((
            activity::id.eq(id.as_str()),
            activity::at.eq(now.micros()),
            activity::actor.eq(actor.map(|(id, _)| id.as_str())),
            activity::actor_name.eq(actor.map_or("", |(_, name)| name)),
            activity::verb.eq(new.verb),
            activity::subject_kind.eq(new.subject_kind.code()),
            activity::subject.eq(&new.subject_id),
            activity::subject_name.eq(&new.subject_name),
            activity::note.eq(&new.note),
        ))
        .execute(c)?;
    Ok(())
}

/// What to list; everything by default.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// One thing, or with an empty id all of a kind.
    pub subject: Option<(SubjectKind, String)>,
    pub verb: Option<String>,
    pub actor: Option<UserId>,
}

/// Newest first.
pub fn list(c: &mut AnyConnection, filter: &Filter, cursor: &Cursor) -> Result<Page<Activity>, StoreError> {
    let mut query = activity::table.into_boxed();
    if let Some((kind, id)) = &filter.subject {
        query = query.filter(activity::subject_kind.eq(kind.code()));
        if !id.is_empty() {
            query = query.filter(activity::subject.eq(id));
        }
    }
    if let Some(verb) = &filter.verb {
        query = query.filter(activity::verb.eq(verb));
    }
    if let Some(actor) = &filter.actor {
        query = query.filter(activity::actor.eq(actor.as_str()));
    }
    if let Some((at, id)) = decode::<(i64, String)>(cursor) {
        query = query.filter(before((activity::at, activity::id), (at.into_sql::<BigInt>(), id.into_sql::<Text>())));
    }
    let rows: Vec<Row> = query.order((activity::at.desc(), activity::id.desc())).limit(LIMIT).select(Row::as_select()).load(c)?;
    let page = Page::cut(rows, |row| encode(&(row.at, &row.id)));
    Ok(Page { rows: page.rows.into_iter().map(Activity::try_from).collect::<Result<_, _>>()?, next: page.next })
}
