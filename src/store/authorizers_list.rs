//! The Authorizers page's rows: one query with both counts, an index for each order and filter.
use diesel::dsl::{count_star, not, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Text};

use crate::model::authorizer::{
    AuthorizerRow, Badge, DUE_SOON, Filter, Health, Lifecycle, Sort, badge,
};
use crate::model::ids::ServiceId;
use crate::model::page::{Cursor, Page};
use crate::model::revocation::RevocationOutcome;
use crate::model::time::Moment;

use super::StoreError;
use super::authorizers::{
    attention, read_cause, read_checked, read_end, read_health, read_lifecycle,
};
use super::conn::{AnyConnection, MultiBackend};
use super::keyset::{FirstRows, LIMIT, after, before, decode, encode};
use super::schema::{authorizers, destinations, sources};
use super::search::{Indexed, Plan, has_trigrams, plan, words};
use super::types::{NO_END, contains_pattern, moment};
use super::withdrawals::read_outcome;

#[derive(Queryable)]
struct Row {
    id: String,
    service: String,
    name: String,
    name_folded: String,
    lifecycle: String,
    health: String,
    attention: i32,
    cause: Option<String>,
    identity_label: String,
    ends_at: i64,
    next_try_at: Option<i64>,
    revoked_at: Option<i64>,
    revocation: Option<String>,
    last_checked_at: i64,
    created_at: i64,
    updated_at: i64,
    source_count: Option<i64>,
    destination_count: Option<i64>,
}

impl Row {
    fn read(self, now: Moment) -> Result<AuthorizerRow, StoreError> {
        let ends_at = read_end(self.ends_at);
        Ok(AuthorizerRow {
            id: self.id.into(),
            service_id: ServiceId(self.service),
            name: self.name,
            badge: badge(
                read_lifecycle(&self.lifecycle)?,
                self.revocation.as_deref().map(read_outcome).transpose()?,
                read_health(&self.health)?,
                ends_at,
                now,
            ),
            cause: read_cause(self.cause.as_deref())?,
            identity_label: self.identity_label,
            ends_at,
            next_try_at: moment(self.next_try_at),
            revoked_at: moment(self.revoked_at),
            last_checked_at: read_checked(self.last_checked_at),
            updated_at: Moment::from_micros(self.updated_at),
            source_count: self.source_count.unwrap_or(0),
            destination_count: self.destination_count.unwrap_or(0),
        })
    }

    fn key(&self, sort: Sort) -> Key {
        let (number, text) = match sort {
            Sort::Attention => (i64::from(self.attention), self.name_folded.clone()),
            Sort::Name => (0, self.name_folded.clone()),
            Sort::Newest => (self.created_at, self.id.clone()),
            Sort::LastChecked => (self.last_checked_at, self.id.clone()),
            Sort::EndsFirst => (self.ends_at, self.id.clone()),
        };
        Key(sort.code().to_owned(), number, text)
    }
}

/// Where a page ended: the order, its number, its text (the folded name, or the id). Each is unique: names are.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Key(String, i64, String);

/// The parts of a badge that one index range each can answer. Together they are the badge, and no row is in two.
#[derive(Clone, Copy)]
enum Part {
    Any,
    /// Of this attention; with locks or without, where it makes a difference.
    Attention(i32),
    Unlocked,
    Locked,
    /// Working, with an end in this range (excluded, included).
    Ending(i64, i64),
    Revoking,
    /// Revoked, and ended by the service itself or not.
    Revoked(bool),
}

fn parts(filter: Option<Badge>, now: Moment) -> Vec<Part> {
    let at = |health| Part::Attention(attention(Lifecycle::Active, health));
    let (ended, soon) = (now.micros(), now.plus(DUE_SOON).micros());
    match filter {
        None => vec![Part::Any],
        Some(Badge::Broken) => vec![Part::Unlocked, Part::Ending(i64::MIN, ended)],
        Some(Badge::Locked) => vec![Part::Locked],
        Some(Badge::Retrying) => vec![at(Health::Retrying)],
        Some(Badge::NotTested) => vec![at(Health::Unverified)],
        Some(Badge::DueSoon) => vec![Part::Ending(ended, soon)],
        Some(Badge::Connected) => vec![Part::Ending(soon, i64::MAX)],
        Some(Badge::Revoking) => vec![Part::Revoking],
        Some(Badge::Revoked) => vec![Part::Revoked(true)],
        Some(Badge::Disconnected) => vec![Part::Revoked(false)],
    }
}

type Boxed<'a> = authorizers::BoxedQuery<'a, MultiBackend>;

fn of_part(query: Boxed<'_>, part: Part) -> Boxed<'_> {
    let broken = attention(Lifecycle::Active, Health::Misconfigured);
    let working = attention(Lifecycle::Active, Health::Ok);
    let revoked = attention(Lifecycle::Revoked, Health::Ok);
    match part {
        Part::Any => query,
        Part::Attention(level) => query.filter(authorizers::attention.eq(level)),
        Part::Unlocked => query
            .filter(authorizers::attention.eq(broken))
            .filter(authorizers::health.ne(Health::Locked.code())),
        Part::Locked => query
            .filter(authorizers::attention.eq(broken))
            .filter(authorizers::health.eq(Health::Locked.code())),
        Part::Ending(from, to) => query
            .filter(authorizers::attention.eq(working))
            .filter(authorizers::ends_at.gt(from))
            .filter(authorizers::ends_at.le(to)),
        Part::Revoking => query
            .filter(authorizers::attention.eq(revoked))
            .filter(authorizers::lifecycle.eq(Lifecycle::Revoking.code())),
        Part::Revoked(is_ended) => {
            let ended = RevocationOutcome::ALL.iter().filter(|outcome| outcome.is_ended());
            let is_among = authorizers::revocation
                .eq_any(ended.map(|outcome| outcome.code()).collect::<Vec<_>>())
                .and(authorizers::revocation.is_not_null());
            let query = query
                .filter(authorizers::attention.eq(revoked))
                .filter(authorizers::lifecycle.eq(Lifecycle::Revoked.code()));
            if is_ended {
                query.filter(is_among.assume_not_null())
            } else {
                query.filter(not(is_among.assume_not_null()))
            }
        }
    }
}

fn filtered<'a>(filter: &'a Filter, search: &Search, part: Part) -> Boxed<'a> {
    let mut query = of_part(authorizers::table.into_boxed(), part);
    if let Some(service) = &filter.service_id {
        query = query.filter(authorizers::service.eq(service.as_str()));
    }
    if let Plan::Index(index) = &search.plan {
        query = query.filter(Indexed(index.clone().into_sql::<Text>()));
    }
    if !search.words.is_empty() {
        // Keeps PostgreSQL from preparing it: which index is best depends on the word.
        query = query.filter(sql::<Bool>("TRUE"));
    }
    for word in &search.words {
        let pattern = contains_pattern(word);
        query = if has_trigrams(word) {
            query.filter(authorizers::search_text.like(pattern).escape('\\'))
        } else {
            // PostgreSQL would go through all of its trigrams only to read every row after that.
            query.filter(authorizers::search_text.concat("").like(pattern).escape('\\'))
        };
    }
    query
}

struct Search {
    words: Vec<String>,
    plan: Plan,
}

fn sorted<'a>(query: Boxed<'a>, sort: Sort, from: Option<&Key>) -> Boxed<'a> {
    use authorizers as a;
    let from = from.cloned();
    let query = match (sort, from) {
        (_, None) => query,
        (Sort::Attention, Some(Key(_, level, name))) => {
            let level = i32::try_from(level).unwrap_or(i32::MAX);
            query.filter(after(
                (a::attention, a::name_folded),
                (level.into_sql::<Integer>(), name.into_sql::<Text>()),
            ))
        }
        (Sort::Name, Some(Key(_, _, name))) => query.filter(a::name_folded.gt(name)),
        (Sort::Newest, Some(Key(_, at, id))) => query.filter(before(
            (a::created_at, a::id),
            (at.into_sql::<BigInt>(), id.into_sql::<Text>()),
        )),
        (Sort::LastChecked, Some(Key(_, at, id))) => query.filter(before(
            (a::last_checked_at, a::id),
            (at.into_sql::<BigInt>(), id.into_sql::<Text>()),
        )),
        (Sort::EndsFirst, Some(Key(_, at, id))) => query
            .filter(after((a::ends_at, a::id), (at.into_sql::<BigInt>(), id.into_sql::<Text>()))),
    };
    match sort {
        Sort::Attention => query.order((a::attention, a::name_folded)),
        Sort::Name => query.order(a::name_folded),
        Sort::Newest => query.order((a::created_at.desc(), a::id.desc())),
        Sort::LastChecked => query.order((a::last_checked_at.desc(), a::id.desc())),
        Sort::EndsFirst => query.order((a::ends_at, a::id)),
    }
}

fn load(c: &mut AnyConnection, query: Boxed<'_>, rows: i64) -> Result<Vec<Row>, StoreError> {
    use authorizers as a;
    let query = query.select((
        a::id,
        a::service,
        a::name,
        a::name_folded,
        a::lifecycle,
        a::health,
        a::attention,
        a::cause,
        a::identity_label,
        a::ends_at,
        a::next_try_at,
        a::revoked_at,
        a::revocation,
        a::last_checked_at,
        a::created_at,
        a::updated_at,
        sources::table.filter(sources::authorizer_id.eq(a::id)).count().single_value(),
        destinations::table.filter(destinations::authorizer_id.eq(a::id)).count().single_value(),
    ));
    Ok(FirstRows { query, rows }.load::<Row>(c)?)
}

/// One page of the list. A badge that has two parts is read twice and merged: each part has its index.
pub fn list(
    c: &mut AnyConnection,
    filter: &Filter,
    cursor: &Cursor,
    now: Moment,
) -> Result<Page<AuthorizerRow>, StoreError> {
    let from = decode::<Key>(cursor).filter(|key| key.0 == filter.sort.code());
    let words = words(&filter.search);
    let search =
        Search { plan: if words.is_empty() { Plan::Rows } else { plan(c, &words)? }, words };
    let mut rows = Vec::new();
    let parts = parts(filter.badge, now);
    for part in &parts {
        rows.extend(load(
            c,
            sorted(filtered(filter, &search, *part), filter.sort, from.as_ref()),
            LIMIT,
        )?);
    }
    if parts.len() > 1 {
        match filter.sort {
            Sort::Attention => rows
                .sort_by(|x, y| (x.attention, &x.name_folded).cmp(&(y.attention, &y.name_folded))),
            Sort::Name => rows.sort_by(|x, y| x.name_folded.cmp(&y.name_folded)),
            Sort::Newest => rows.sort_by(|x, y| (y.created_at, &y.id).cmp(&(x.created_at, &x.id))),
            Sort::LastChecked => {
                rows.sort_by(|x, y| (y.last_checked_at, &y.id).cmp(&(x.last_checked_at, &x.id)))
            }
            Sort::EndsFirst => rows.sort_by(|x, y| (x.ends_at, &x.id).cmp(&(y.ends_at, &y.id))),
        }
    }
    let page = Page::cut(rows, |row| encode(&row.key(filter.sort)));
    let rows = page.rows.into_iter().map(|row| row.read(now)).collect::<Result<_, _>>()?;
    Ok(Page { rows, next: page.next })
}

/// Where the order by end comes to those without one.
pub fn without_end() -> Cursor {
    Cursor(Some(encode(&Key(Sort::EndsFirst.code().to_owned(), NO_END - 1, String::new()))))
}

/// A drop-down is not longer.
const CHOICES: i64 = 500;

/// Everything of one service that is not revoked, by name: what a source or a destination can choose from.
pub fn list_of_service(
    c: &mut AnyConnection,
    service: &ServiceId,
    now: Moment,
) -> Result<Vec<AuthorizerRow>, StoreError> {
    let gone = [Lifecycle::Revoked.code(), Lifecycle::Revoking.code()];
    let query = authorizers::table
        .into_boxed()
        .filter(authorizers::service.eq(service.as_str()))
        .filter(authorizers::lifecycle.ne_all(gone))
        .order(authorizers::name_folded);
    load(c, query, CHOICES)?.into_iter().map(|row| row.read(now)).collect()
}

/// How many there are of this service, or of all.
pub fn count(c: &mut AnyConnection, service: Option<&ServiceId>) -> Result<i64, StoreError> {
    let mut query = authorizers::table.into_boxed();
    if let Some(service) = service {
        query = query.filter(authorizers::service.eq(service.as_str()));
    }
    Ok(query.select(count_star()).first(c)?)
}
