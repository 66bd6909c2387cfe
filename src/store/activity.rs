//! What happened. Written in the same transaction as what it tells of.
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::model::activity::{Activity, NewActivity, SubjectKind};
use crate::model::ids::{ActivityId, ServiceId, UserId};
use crate::model::page::{Cursor, Page};
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::keyset::{FirstRows, LIMIT, before, decode, encode};
use super::schema::{
    account_requests, activity, authorizers, destinations, oauth_apps, sources, users, webhooks,
};
use super::types::{moment, unknown};

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
    times: i64,
    last_at: Option<i64>,
    service: Option<String>,
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
            subject_kind: SubjectKind::from_code(&row.subject_kind)
                .ok_or_else(|| unknown("kind of subject", &row.subject_kind))?,
            subject_id: row.subject,
            subject_name: row.subject_name,
            note: row.note,
            times: row.times,
            last_at: moment(row.last_at),
            service_id: row.service.map(ServiceId),
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
    service: Option<&ServiceId>,
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
            activity::service.eq(service.map(ServiceId::as_str)),
        ))
        .execute(c)?;
    Ok(())
}

/// When the same is counted on an older line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// The older one is of this moment or later.
    Since(Moment),
    /// Nothing else has happened to the subject in between.
    WhileNewest,
}

/// Counts the app's own line that says the same once more. False if there is none.
pub fn count_up(
    c: &mut AnyConnection,
    fold: Fold,
    new: &NewActivity,
    now: Moment,
) -> Result<bool, StoreError> {
    let mut query = activity::table.into_boxed().filter(
        activity::subject_kind
            .eq(new.subject_kind.code())
            .and(activity::subject.eq(&new.subject_id)),
    );
    if let Fold::Since(since) = fold {
        query = query.filter(activity::at.ge(since.micros())).filter(
            activity::verb
                .eq(new.verb)
                .and(activity::note.eq(&new.note))
                .and(activity::actor.is_null()),
        );
    }
    let newest: Option<Row> = query
        .order((activity::at.desc(), activity::id.desc()))
        .limit(1)
        .select(Row::as_select())
        .first(c)
        .optional()?;
    let same =
        newest.filter(|row| row.verb == new.verb && row.note == new.note && row.actor.is_none());
    let Some(row) = same else { return Ok(false) };
    let changed = diesel::update(activity::table.find(row.id))
        .set((activity::last_at.eq(now.micros()), activity::times.eq(activity::times + 1)))
        .execute(c)?;
    Ok(changed == 1)
}

/// What to list; everything by default.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// One thing, or with an empty id all of a kind.
    pub subject: Option<(SubjectKind, String)>,
    pub verb: Option<String>,
    pub actor: Option<UserId>,
    /// From the first on, and before the second.
    pub from: Option<Moment>,
    pub until: Option<Moment>,
}

/// Newest first.
pub fn list(
    c: &mut AnyConnection,
    filter: &Filter,
    cursor: &Cursor,
) -> Result<Page<Activity>, StoreError> {
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
    if let Some(from) = filter.from {
        query = query.filter(activity::at.ge(from.micros()));
    }
    if let Some(until) = filter.until {
        query = query.filter(activity::at.lt(until.micros()));
    }
    if let Some((at, id)) = decode::<(i64, String)>(cursor) {
        query = query.filter(before(
            (activity::at, activity::id),
            (at.into_sql::<BigInt>(), id.into_sql::<Text>()),
        ));
    }
    let query = query.order((activity::at.desc(), activity::id.desc())).select(Row::as_select());
    let rows: Vec<Row> = FirstRows { query, rows: LIMIT }.load(c)?;
    let page = Page::cut(rows, |row| encode(&(row.at, &row.id)));
    Ok(Page {
        rows: page.rows.into_iter().map(Activity::try_from).collect::<Result<_, _>>()?,
        next: page.next,
    })
}

/// Which of these are still there. One statement for each kind that occurs.
pub fn existing(
    c: &mut AnyConnection,
    kind: SubjectKind,
    ids: &[&str],
) -> Result<Vec<String>, StoreError> {
    macro_rules! among {
        ($table:ident) => {
            $table::table.filter($table::id.eq_any(ids)).select($table::id).load(c)?
        };
    }
    Ok(match kind {
        SubjectKind::Authorizer => among!(authorizers),
        SubjectKind::OAuthApp => among!(oauth_apps),
        SubjectKind::Source => among!(sources),
        SubjectKind::Destination => among!(destinations),
        SubjectKind::Member | SubjectKind::Account => among!(users),
        SubjectKind::Request => among!(account_requests),
        SubjectKind::Webhook => among!(webhooks),
        SubjectKind::System => Vec::new(),
    })
}

/// Forgets the oldest lines of before `before`, at most `rows`. The number of those.
pub fn purge(c: &mut AnyConnection, before: Moment, rows: i64) -> Result<usize, StoreError> {
    let old: Vec<String> = activity::table
        .filter(activity::at.lt(before.micros()))
        .order((activity::at, activity::id))
        .select(activity::id)
        .limit(rows)
        .load(c)?;
    Ok(diesel::delete(activity::table.filter(activity::id.eq_any(old))).execute(c)?)
}
