//! The forecast: what ends when, and what stops then.
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::domain::{Actor, Ctx, Error};
use crate::model::authorizer::DUE_SOON;
use crate::model::ending::EndingRow;
use crate::model::page::{Cursor, Page};
use crate::model::role::Permission;
use crate::model::time::{DAY, Moment};
use crate::store::{self, StoreError};

/// How far away an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    Ended,
    Week,
    Month,
    Quarter,
    Year,
    Later,
}

impl Span {
    pub const ALL: [Self; 6] =
        [Self::Ended, Self::Week, Self::Month, Self::Quarter, Self::Year, Self::Later];

    pub fn of(at: Moment, now: Moment) -> Self {
        let is_within = |span: &&Self| span.until(now).is_none_or(|until| at <= until);
        Self::ALL.iter().find(is_within).copied().unwrap_or(Self::Later)
    }

    /// Its last moment; `None`: there is none.
    fn until(self, now: Moment) -> Option<Moment> {
        let within = |days: u32| now.plus(DAY.saturating_mul(days));
        match self {
            Self::Ended => Some(now),
            Self::Week => Some(within(7)),
            Self::Month => Some(now.plus(DUE_SOON)),
            Self::Quarter => Some(within(90)),
            // Late in the year the next one has begun within ninety days: then this span is empty.
            Self::Year => Some(end_of_year(now).max(within(90))),
            Self::Later => None,
        }
    }
}

fn end_of_year(now: Moment) -> Moment {
    let year =
        Timestamp::from_microsecond(now.micros()).map(|at| TimeZone::UTC.to_datetime(at).year());
    let next = year.ok().and_then(|year| Date::new(year.saturating_add(1), 1, 1).ok());
    let begins =
        next.and_then(|day| TimeZone::UTC.to_timestamp(day.to_datetime(Time::midnight())).ok());
    begins.map_or(now, |begins| Moment::from_micros(begins.as_microsecond() - 1))
}

pub struct Forecast {
    pub page: Page<EndingRow>,
    /// How many there are in each span; each count stops at a thousand.
    pub counts: Vec<(Span, i64)>,
    pub without_end: i64,
    /// Where the Authorizers page, ordered by end, comes to those without one.
    pub first_without_end: Cursor,
}

pub async fn forecast(ctx: &Ctx, actor: &Actor, cursor: Cursor) -> Result<Forecast, Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let now = ctx.clock.now();
    let found = ctx.db.read(move |c| {
        let mut after = Moment::from_micros(i64::MIN);
        let mut counts = Vec::new();
        for span in Span::ALL {
            let until = span.until(now).unwrap_or(Moment::from_micros(i64::MAX));
            counts.push((span, store::forecast::count(c, after, until)?));
            after = until;
        }
        let without_end = store::forecast::count_without_end(c)?;
        let first_without_end = store::authorizers::without_end();
        Ok::<_, StoreError>(Forecast {
            page: store::forecast::page(c, &cursor)?,
            counts,
            without_end,
            first_without_end,
        })
    });
    Ok(found.await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_in_one_span_and_the_last_day_of_a_span_is_in_it() {
        // 1 March 2026.
        let now = Moment::from_micros(1_772_323_200_000_000);
        let span = |days: u32| Span::of(now.plus(DAY * days), now);
        let found: Vec<Span> = [0, 1, 7, 8, 30, 31, 90, 91, 305, 306, 9999].map(span).to_vec();
        use Span::{Ended, Later, Month, Quarter, Week, Year};
        assert_eq!(
            found,
            [Ended, Week, Week, Month, Month, Quarter, Quarter, Year, Year, Later, Later]
        );
        // 1 December: ninety days reach into the next year.
        let december = Moment::from_micros(1_796_083_200_000_000);
        assert_eq!(Span::of(december.plus(DAY * 91), december), Later);
    }
}
