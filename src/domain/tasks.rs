//! Calls that go on when nobody waits for them any more: a browser that leaves, or a page that has waited long enough,
//! must not cut off an answer that may hold the only token.
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Runs work on the process's own runtime, which outlives the web server's threads.
#[derive(Debug)]
pub struct Tasks {
    runtime: Handle,
    running: Mutex<JoinSet<()>>,
}

impl Tasks {
    pub fn new(runtime: Handle) -> Self {
        Self { runtime, running: Mutex::new(JoinSet::new()) }
    }

    /// Starts `work`. What it returns is waited for; it goes on if the wait is given up. `None` if the process is
    /// stopping, or the work panicked.
    pub fn run<T, W>(&self, work: W) -> impl Future<Output = Option<T>> + Send + use<T, W>
    where
        T: Send + 'static,
        W: Future<Output = T> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        self.start(async move {
            // Nobody may be listening any more.
            tell.send(work.await).ok();
        });
        async move { told.await.ok() }
    }

    /// Starts `work`, for which nobody waits.
    pub fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        running.spawn_on(work, &self.runtime);
    }

    /// Waits until everything that was started has ended, but no longer than `grace`.
    pub async fn finish(&self, grace: Duration) {
        let all = async {
            loop {
                let mut running = self.take();
                if running.is_empty() {
                    return;
                }
                while running.join_next().await.is_some() {}
            }
        };
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!("stopped while calls were still under way");
        }
    }

    fn take(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test]
    async fn work_goes_on_when_the_wait_for_it_is_given_up_and_stopping_waits_for_it() {
        let tasks = Tasks::new(Handle::current());
        let is_done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_done);
        let work = tasks.run(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            seen.store(true, Ordering::SeqCst);
        });
        assert!(tokio::time::timeout(Duration::from_millis(5), work).await.is_err());
        tasks.finish(Duration::from_secs(5)).await;
        assert!(is_done.load(Ordering::SeqCst));
        assert_eq!(tasks.run(async { 7 }).await, Some(7));
    }
}
