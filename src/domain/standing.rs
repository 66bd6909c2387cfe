//! Whether this is the live installation, or a copy of one: a restored or copied database neither renews, rotates nor
//! revokes anything until an admin says that it is the live one. A copy that renews a rotating token ends the token
//! that the live one holds.
use std::sync::{Mutex, PoisonError};

use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::role::Permission;
use crate::model::time::Moment;
use crate::store::standing::{Marker, Stored};
use crate::store::{self, AnyConnection, StoreError};

/// Why nothing is renewed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The database lies elsewhere than when it was last in use, or goes by another public address.
    Moved,
    /// The database is older than what this installation has written: it was put back.
    Older,
}

/// What this process knows of it. In `Ctx`, shared by all threads.
#[derive(Debug)]
pub struct Standing {
    marker: Marker,
    /// Part of the place: the public address, where one is set.
    address: Option<String>,
    now: Mutex<(Option<Doubt>, Option<Moment>)>,
}

impl Standing {
    pub fn new(marker: Marker, address: Option<String>) -> Self {
        Self { marker, address, now: Mutex::new((None, None)) }
    }

    pub fn doubt(&self) -> Option<Doubt> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn last(&self) -> Option<Moment> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn settle(&self, doubt: Option<Doubt>, beat: Option<Moment>) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = (doubt, beat.or(now.1));
    }

    fn place(&self, database: &str) -> String {
        match &self.address {
            Some(address) => format!("{database} at {address}"),
            None => database.to_owned(),
        }
    }

    /// As [`look`], without a trace: for `check`.
    pub fn examine(&self, c: &mut AnyConnection) -> Result<Option<Doubt>, StoreError> {
        let place = self.place(&store::standing::place(c)?);
        Ok(doubt(store::standing::find(c)?.as_ref(), &place, self.marker.read()))
    }

    /// Told before anything is sent that the live installation would miss.
    pub fn must_be_live(&self) -> Result<(), Error> {
        self.doubt().map_or(Ok(()), |_| Err(Error::Paused))
    }
}

/// Looks, and leaves a sign of life if it is the live one. At the start, and before each round of the duties.
pub async fn look(ctx: &Ctx) -> Result<Option<Doubt>, Error> {
    let (standing, now) = (ctx.standing.clone(), ctx.clock.now());
    let seen = standing.marker.read().max(standing.last());
    let looked = standing.clone();
    let (doubt, beat) = ctx
        .db
        .write(move |c| {
            let place = looked.place(&store::standing::place(c)?);
            let stored = store::standing::find(c)?;
            if let Some(doubt) = doubt(stored.as_ref(), &place, seen) {
                return Ok((Some(doubt), None));
            }
            let beat = stored.map_or(now, |stored| stored.beat.max(now));
            store::standing::put(c, &Stored { place, beat }, now)?;
            Ok::<_, StoreError>((None, Some(beat)))
        })
        .await?;
    if let Some(beat) = beat
        && let Err(error) = standing.marker.write(beat)
    {
        tracing::warn!(%error, "the mark in the data folder could not be written: a restored database would not be noticed");
    }
    if doubt.is_some() && standing.doubt() != doubt {
        tracing::warn!(
            "this looks like a restored copy: nothing is renewed or revoked until an admin confirms that it is the live one"
        );
    }
    standing.settle(doubt, beat);
    Ok(doubt)
}

fn doubt(stored: Option<&Stored>, place: &str, seen: Option<Moment>) -> Option<Doubt> {
    match stored {
        Some(stored) if stored.place != place => Some(Doubt::Moved),
        Some(stored) if seen.is_some_and(|seen| stored.beat < seen) => Some(Doubt::Older),
        // A database that knows nothing of itself beside a mark: one from before the mark was put back.
        None if seen.is_some() => Some(Doubt::Older),
        _ => None,
    }
}

/// *This is the live one.*
pub async fn confirm(ctx: &Ctx, actor: &Actor) -> Result<(), Error> {
    actor.must(Permission::Administer)?;
    let (standing, now) = (ctx.standing.clone(), ctx.clock.now());
    let beat = standing.marker.read().max(standing.last()).map_or(now, |seen| seen.max(now));
    let line = activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb: "confirmed",
            subject_kind: SubjectKind::System,
            subject_id: ctx.site.public_url.clone(),
            subject_name: "This installation".to_owned(),
            note: "as the live one".to_owned(),
        },
    );
    let looked = standing.clone();
    ctx.db
        .write(move |c| {
            let place = looked.place(&store::standing::place(c)?);
            store::standing::put(c, &Stored { place, beat }, now)?;
            line.write(c)
        })
        .await?;
    standing.settle(None, Some(beat));
    look(ctx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_by_its_place_and_a_restored_one_by_its_age() {
        let at = Moment::from_micros;
        let stored = Stored { place: "file 1 2".to_owned(), beat: at(10) };
        assert_eq!(doubt(None, "file 1 2", None), None, "the first start");
        assert_eq!(doubt(Some(&stored), "file 1 2", Some(at(10))), None);
        assert_eq!(doubt(Some(&stored), "file 1 2", None), None, "a data folder that was emptied");
        assert_eq!(doubt(Some(&stored), "file 7 8", Some(at(10))), Some(Doubt::Moved));
        assert_eq!(doubt(Some(&stored), "file 1 2", Some(at(11))), Some(Doubt::Older));
        assert_eq!(doubt(None, "file 1 2", Some(at(11))), Some(Doubt::Older));
    }
}
