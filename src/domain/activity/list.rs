//! The Activity page: all lines, by kind, subject, verb, person and time.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Actor, Ctx, Error};
use crate::model::activity::{Activity, SubjectKind};
use crate::model::ids::UserId;
use crate::model::page::{Cursor, Page};
use crate::model::role::Permission;
use crate::model::time::Moment;
use crate::store::{self, AnyConnection, StoreError};

/// Everything by default.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub kind: Option<SubjectKind>,
    /// With a kind: this one alone, by its id.
    pub subject: Option<String>,
    pub verb: Option<String>,
    pub actor: Option<UserId>,
    /// From then on.
    pub from: Option<Moment>,
    /// Before then.
    pub until: Option<Moment>,
}

/// A line, and whether what it tells of is still there.
pub struct Listed {
    pub line: Activity,
    pub is_there: bool,
}

/// Newest first.
pub async fn list(
    ctx: &Ctx,
    actor: &Actor,
    filter: Filter,
    cursor: Cursor,
) -> Result<Page<Listed>, Error> {
    actor.must(Permission::SeeActivity)?;
    let filter = store::activity::Filter {
        subject: filter.kind.map(|kind| (kind, filter.subject.unwrap_or_default())),
        verb: filter.verb,
        actor: filter.actor,
        from: filter.from,
        until: filter.until,
    };
    let page = ctx.db.read(move |c| {
        let page = store::activity::list(c, &filter, &cursor)?;
        let there = existing(c, &page.rows)?;
        Ok::<_, StoreError>((page, there))
    });
    let (page, there) = page.await?;
    let listed = |line: Activity| Listed { is_there: there.contains(&line.subject_id), line };
    Ok(Page { rows: page.rows.into_iter().map(listed).collect(), next: page.next })
}

/// Ids are unique over all kinds.
fn existing(c: &mut AnyConnection, rows: &[Activity]) -> Result<BTreeSet<String>, StoreError> {
    let mut asked: BTreeMap<&str, (SubjectKind, BTreeSet<&str>)> = BTreeMap::new();
    for row in rows {
        let of = asked
            .entry(row.subject_kind.code())
            .or_insert_with(|| (row.subject_kind, BTreeSet::new()));
        of.1.insert(&row.subject_id);
    }
    let mut there = BTreeSet::new();
    for (kind, ids) in asked.into_values() {
        there.extend(store::activity::existing(c, kind, &ids.into_iter().collect::<Vec<_>>())?);
    }
    Ok(there)
}

/// Whom lines can be filtered by: id and name.
pub async fn people(ctx: &Ctx, actor: &Actor) -> Result<Vec<(UserId, String)>, Error> {
    actor.must(Permission::SeeActivity)?;
    let all = ctx.db.read(store::users::list).await?;
    Ok(all.into_iter().map(|user| (user.id, user.name)).collect())
}
