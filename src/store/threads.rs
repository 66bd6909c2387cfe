//! The threads that wait for the database: as many as there are connections, shared by the whole
//! process. What has no turn yet waits without one. The web server's own threads would be made by the
//! hundred when the database hangs, and each keeps memory of its own.
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use super::StoreError;

pub struct Threads {
    turns: Arc<Semaphore>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

/// On the heap: every page's future holds some of it.
pub type Work<T, E> = Box<dyn FnOnce() -> Result<T, E> + Send>;

/// Nobody's turn ended in time.
pub struct NoTurn;

impl Threads {
    pub fn new(count: usize) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .thread_name("database")
            .max_blocking_threads(count)
            .build()?;
        Ok(Self { turns: Arc::new(Semaphore::new(count)), runtime: Some(runtime) })
    }

    /// Runs `work` when its turn comes. It then goes on to its end, also when nobody waits for it any
    /// more.
    pub async fn run<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        patience: Duration,
        work: Work<T, E>,
    ) -> Result<Result<T, E>, NoTurn> {
        let turn = tokio::time::timeout(patience, self.turns.clone().acquire_owned());
        let (Ok(Ok(turn)), Some(runtime)) = (turn.await, &self.runtime) else {
            return Err(NoTurn);
        };
        let ran = runtime.handle().spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        Ok(ran.await.unwrap_or_else(|error| {
            let said = format!("the work on the database ended early: {error}");
            Err(StoreError::Broken(said).into())
        }))
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
