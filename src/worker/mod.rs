//! Duties in the background; each is a `run_once(&Ctx)` that tests call.
pub mod purge;
pub mod upkeep;

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::domain::{Ctx, Error, standing};

const EVERY: Duration = Duration::from_secs(60);

/// Stops the loop and waits for the duty under way.
pub struct Handle {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Handle {
    pub async fn stop(self) {
        self.stop.send(true).ok();
        self.task.await.ok();
    }
}

pub fn start(ctx: Ctx) -> Handle {
    let (stop, mut stopped) = watch::channel(false);
    let told = stopped.clone();
    let task = tokio::spawn(async move {
        loop {
            if let Err(error) = purge::run_once(&ctx).await {
                tracing::error!(%error, "purging failed; it is tried again");
            }
            if let Err(error) = live_duties(&ctx, &|| *told.borrow()).await {
                tracing::error!(%error, "upkeep failed; it is tried again");
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = stopped.changed() => return,
            }
        }
    });
    Handle { stop, task }
}

/// What a copy must not do beside the live installation.
async fn live_duties(ctx: &Ctx, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<(), Error> {
    match standing::look(ctx).await? {
        None => upkeep::run_once(ctx, is_stopped).await,
        Some(_) => Ok(()),
    }
}
