//! Whether this process can serve: whether its database is read and written in time.
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::domain::Ctx;
use crate::model::outage::Outage;
use crate::store::StoreError;

/// A balancer gets its answer within two seconds.
const ANSWER_LIMIT: Duration = Duration::from_millis(1_800);
/// Reading is tried each time. A write that worked is believed for this long: each one costs a
/// transaction, and makes every list be drawn again.
const WRITE_LASTS: Duration = Duration::from_secs(10);
/// A write that failed is tried again after this.
const FAILURE_LASTS: Duration = Duration::from_secs(2);

/// What the last try of a write showed. One look at a time: a database that hangs holds one thread,
/// however often a balancer asks.
#[derive(Clone, Default)]
pub struct Readiness {
    last_write: Arc<Mutex<Option<WriteProbe>>>,
}

#[derive(Clone, Copy)]
struct WriteProbe {
    /// Uptime.
    at: Duration,
    outage: Option<Outage>,
}

/// What doesn't work, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    #[error("{0}")]
    Read(Outage),
    #[error("{0}; it can be read, and not written")]
    Write(Outage),
}

/// Reads and writes, within two seconds whatever the database does.
pub async fn check(ctx: &Ctx) -> Result<(), NotReady> {
    let (ctx, last_write) = (ctx.clone(), ctx.readiness.last_write.clone());
    let look = async {
        let guard = last_write.lock_owned().await;
        // Goes on when nobody waits any more, and holds the guard until it is through.
        tokio::spawn(look(ctx, guard)).await
    };
    match tokio::time::timeout(ANSWER_LIMIT, look).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) | Err(_) => Err(NotReady::Read(Outage::Unreachable)),
    }
}

async fn look(
    ctx: Ctx,
    mut last_write: OwnedMutexGuard<Option<WriteProbe>>,
) -> Result<(), NotReady> {
    if let Some(outage) = outage(ctx.db.probe_read().await) {
        return Err(NotReady::Read(outage));
    }
    let now = ctx.clock.uptime();
    let known = last_write.filter(|probe| {
        let lasts = if probe.outage.is_some() { FAILURE_LASTS } else { WRITE_LASTS };
        now.saturating_sub(probe.at) < lasts
    });
    let probe = match known {
        Some(probe) => probe,
        None => {
            let outage = outage(ctx.db.probe_write(ctx.clock.now()).await);
            WriteProbe { at: ctx.clock.uptime(), outage }
        }
    };
    *last_write = Some(probe);
    probe.outage.map_or(Ok(()), |outage| Err(NotReady::Write(outage)))
}

fn outage(result: Result<(), StoreError>) -> Option<Outage> {
    match result {
        Ok(()) => None,
        Err(StoreError::Unavailable(outage)) => Some(outage),
        Err(other) => {
            tracing::warn!(error = %other, "checked readiness, and the database failed");
            Some(Outage::DiskFailed)
        }
    }
}
