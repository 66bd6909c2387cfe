//! Duties in the background; each is a `run_once(&Ctx)` that tests call.
pub mod bindings;
pub mod notify;
pub mod purge;
pub mod upkeep;

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::domain::authorizers::locked;
use crate::domain::{Ctx, Error, standing};

const EVERY: Duration = Duration::from_secs(60);

/// Stops the loop and waits for the duty under way.
pub struct Handle {
    stop: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 2],
}

impl Handle {
    pub async fn stop(self) {
        self.stop.send(true).ok();
        for task in self.tasks {
            task.await.ok();
        }
    }
}

pub fn start(ctx: Ctx) -> Handle {
    let (stop, stopped) = watch::channel(false);
    // Telling people waits for no slow service.
    let tasks =
        [tokio::spawn(keep_up(ctx.clone(), stopped.clone())), tokio::spawn(notify(ctx, stopped))];
    Handle { stop, tasks }
}

async fn keep_up(ctx: Ctx, mut stopped: watch::Receiver<bool>) {
    let told = stopped.clone();
    if let Err(error) = bindings::run_once(&ctx).await {
        tracing::error!(%error, "what stored secrets are bound to was not recorded");
    }
    let mut is_locked = false;
    loop {
        if !is_locked {
            match locked::lock_abandoned(&ctx, &|| *told.borrow()).await {
                Ok(()) => is_locked = true,
                Err(error) => {
                    tracing::error!(%error, "could not lock what lost keys seal; trying again")
                }
            }
        }
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
}

async fn notify(ctx: Ctx, mut stopped: watch::Receiver<bool>) {
    let told = stopped.clone();
    loop {
        if ctx.standing.doubt().is_none()
            && let Err(error) = notify::run(&ctx, &|| *told.borrow()).await
        {
            tracing::error!(%error, "notices could not be seen to; it is tried again");
        }
        let wait = notify::wait(&ctx).await;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopped.changed() => return,
        }
    }
}

/// What a copy must not do beside the live installation.
async fn live_duties(ctx: &Ctx, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<(), Error> {
    match standing::look(ctx).await? {
        None => upkeep::run_once(ctx, is_stopped).await,
        Some(_) => Ok(()),
    }
}
