//! From events to deliveries: ends that come near are noticed, and each notice is addressed to whom it concerns.
use std::time::Duration;

use crate::crypto::token;
use crate::domain::{Ctx, Error};
use crate::model::ids::{DeliveryId, UserId};
use crate::model::notice::{MailMode, Notice, NoticeKind};
use crate::model::role::Permission;
use crate::model::time::{DAY, Moment};
use crate::model::user::User;
use crate::store::deliveries::{NewDelivery, Recipient};
use crate::store::{self, AnyConnection, StoreError};

/// Daily mails go at seven in the morning, UTC.
const DAILY_AT: Duration = Duration::from_secs(7 * 3600);
/// In one round, so that what was addressed is sent before the rest is.
const MOST: usize = 2000;

/// How many notices were addressed. Several processes may be at it: each notice is one's alone.
pub async fn run(ctx: &Ctx) -> Result<usize, Error> {
    let now = ctx.clock.now();
    // Looks first: a writer keeps others waiting.
    let mut unspread = ctx.db.read(store::notices::list_unspread).await?;
    if ctx.db.read(move |c| store::notices::is_any_due(c, now)).await? {
        ctx.db.write(move |c| store::notices::note_due(c, now)).await?;
        unspread = ctx.db.read(store::notices::list_unspread).await?;
    }
    let (has_mail, mut number) = (super::has_mail(ctx), 0);
    while !unspread.is_empty() && number < MOST {
        number += unspread.len();
        for notice in unspread {
            ctx.db.write(move |c| address(c, &notice, has_mail, now)).await?;
        }
        unspread = ctx.db.read(store::notices::list_unspread).await?;
    }
    Ok(number)
}

fn address(
    c: &mut AnyConnection,
    notice: &Notice,
    has_mail: bool,
    now: Moment,
) -> Result<(), StoreError> {
    if !store::notices::begin_spreading(c, &notice.id, now)? || notice.is_void() {
        return Ok(());
    }
    let new = |to: Recipient, next_try_at: Moment| NewDelivery {
        id: DeliveryId::new(now, token::ten()),
        notice_id: notice.id.clone(),
        to,
        next_try_at,
        created_at: now,
    };
    let wants = |topics: &[_]| notice.kind.topic().is_some_and(|topic| topics.contains(&topic));
    for webhook in store::webhooks::list(c)?
        .into_iter()
        .filter(|webhook| webhook.is_active && wants(&webhook.topics))
    {
        store::deliveries::insert(c, &new(Recipient::Webhook(webhook.id), now))?;
    }
    if !has_mail {
        return Ok(());
    }
    let chosen = store::notice_settings::all(c)?;
    for user in concerned(c, notice)? {
        let settings = chosen.get(user.id.as_str()).cloned().unwrap_or_default();
        if settings.wants(notice.kind) {
            let at = if settings.mode == MailMode::Daily { next_daily(now) } else { now };
            store::deliveries::insert(c, &new(Recipient::Person(user.id), at))?;
        }
    }
    Ok(())
}

/// Those who may cure it, and those whose sources and destinations stand still; none who cannot sign in.
fn concerned(c: &mut AnyConnection, notice: &Notice) -> Result<Vec<User>, StoreError> {
    let permission = match notice.kind {
        NoticeKind::AppRejected => Permission::ManageOAuthApps,
        _ => Permission::EditAuthorizers,
    };
    let makers: Vec<UserId> = match &notice.authorizer_id {
        Some(id) => store::notices::makers_of_flows(c, id)?,
        None => Vec::new(),
    };
    let is_concerned = |user: &User| user.role.may(permission) || makers.contains(&user.id);
    let all = store::users::list(c)?;
    Ok(all
        .into_iter()
        .filter(|user| user.is_active && user.has_password && is_concerned(user))
        .collect())
}

fn next_daily(now: Moment) -> Moment {
    let day = i64::try_from(DAY.as_micros()).unwrap_or(i64::MAX);
    let today = Moment::from_micros(now.micros().div_euclid(day) * day).plus(DAILY_AT);
    if today > now { today } else { today.plus(DAY) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daily_mail_goes_at_the_next_seven_oclock() {
        let at = |hours: u64| Moment::from_micros(0).plus(Duration::from_secs(hours * 3600));
        assert_eq!(next_daily(at(3)), at(7));
        assert_eq!(next_daily(at(7)), at(31));
        assert_eq!(next_daily(at(30)), at(31));
    }
}
