//! Work for the processor that an answer makes (parsing, counting, unpacking): off the threads that serve pages, and
//! little of it at once.
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::model::cause::Cause;
use crate::model::report::Fault;

/// So many answers are worked on at once, in the whole process.
const COMPUTE_SLOTS: usize = 2;

/// Cheap to clone.
#[derive(Clone)]
pub struct Compute {
    slots: Arc<Semaphore>,
}

impl Default for Compute {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(COMPUTE_SLOTS)) }
    }
}

impl Compute {
    /// Runs `work` on a thread for it. A caller that goes away frees no slot before the work is done.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let fault = || Fault::new(Cause::MalformedAnswer).detail("The answer cannot be read.");
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| fault())?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(slot);
            done
        });
        done.await.map_err(|_| fault())
    }
}
