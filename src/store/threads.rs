//! The threads that wait for the database: as many as there are connections, shared by the whole
//! process. What has no turn yet waits without one. The web server's own threads would be made by the
//! hundred when the database hangs, and each keeps memory of its own.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use super::StoreError;

pub struct Threads {
    turns: Arc<Semaphore>,
    /// When work last succeeded.
    last_success: Arc<Mutex<Instant>>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

/// On the heap: every page's future holds some of it.
pub type Work<T, E> = Box<dyn FnOnce() -> Result<T, E> + Send>;

/// The time is over, and there was no turn.
pub struct NoTurn {
    /// No other work succeeded meanwhile either: the database does nothing at all.
    is_stuck: bool,
}

impl NoTurn {
    pub fn is_stuck(&self) -> bool {
        self.is_stuck
    }
}

impl Threads {
    pub fn new(count: usize) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .thread_name("database")
            .max_blocking_threads(count)
            .build()?;
        Ok(Self {
            turns: Arc::new(Semaphore::new(count)),
            last_success: Arc::new(Mutex::new(Instant::now())),
            runtime: Some(runtime),
        })
    }

    /// Runs `work` when its turn comes. It then goes on to its end, also when nobody waits for it any
    /// more.
    pub async fn run<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        patience: Duration,
        work: Work<T, E>,
    ) -> Result<Result<T, E>, NoTurn> {
        let asked = Instant::now();
        let permit = tokio::time::timeout(patience, self.turns.clone().acquire_owned());
        let (Ok(Ok(permit)), Some(runtime)) = (permit.await, &self.runtime) else {
            return Err(NoTurn { is_stuck: self.is_stuck_since(asked) });
        };
        let last_success = Arc::clone(&self.last_success);
        let ran = runtime.handle().spawn_blocking(move || {
            let _turn = permit;
            let done = work();
            if done.is_ok() {
                *last_success.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            }
            done
        });
        Ok(ran.await.unwrap_or_else(|error| {
            let said = format!("the work on the database ended early: {error}");
            Err(StoreError::Broken(said).into())
        }))
    }

    /// Whether no work at all has succeeded since then.
    pub fn is_stuck_since(&self, then: Instant) -> bool {
        *self.last_success.lock().unwrap_or_else(PoisonError::into_inner) < then
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Dropping a runtime waits for its threads, which is forbidden where async code runs.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
