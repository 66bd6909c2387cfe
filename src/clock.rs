//! Time enters here alone: a clock is handed in, so that tests can move it.
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::time::Moment;

/// The system's clock, or one that a test holds and moves.
#[derive(Clone, Default)]
pub enum Clock {
    #[default]
    System,
    Fixed(Arc<FixedClock>),
}

/// The two readings of a clock that stands still until a test moves it, in microseconds.
pub struct FixedClock {
    wall: AtomicI64,
    uptime: AtomicI64,
}

impl Clock {
    pub fn fixed(at: Moment) -> Self {
        Self::Fixed(Arc::new(FixedClock {
            wall: AtomicI64::new(at.micros()),
            uptime: AtomicI64::new(0),
        }))
    }

    /// Now, in whole microseconds (what both databases keep).
    pub fn now(&self) -> Moment {
        match self {
            Self::System => system_now(),
            Self::Fixed(clock) => Moment::from_micros(clock.wall.load(Ordering::SeqCst)),
        }
    }

    /// Returns how long the process has run. Unlike [`Clock::now`] it never goes back and never
    /// jumps when somebody sets the system's clock, so waits and limits are measured by it.
    pub fn uptime(&self) -> Duration {
        match self {
            Self::System => STARTED.elapsed(),
            Self::Fixed(clock) => {
                let micros = clock.uptime.load(Ordering::SeqCst);
                Duration::from_micros(u64::try_from(micros).unwrap_or(0))
            }
        }
    }

    /// It moves only when a test moves it.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }

    /// Moves a fixed clock forward; the system's clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Self::Fixed(clock) = self {
            let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            clock.wall.fetch_add(micros, Ordering::SeqCst);
            clock.uptime.fetch_add(micros, Ordering::SeqCst);
        }
    }

    /// Sets the wall clock of a fixed clock, as an operator or NTP sets that of a machine. The
    /// uptime doesn't change.
    pub fn set_wall(&self, at: Moment) {
        if let Self::Fixed(clock) = self {
            clock.wall.store(at.micros(), Ordering::SeqCst);
        }
    }
}

/// When the clock was first asked for the uptime.
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn system_now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Lets something happen at most once in a while, for lines of the log that would repeat.
#[derive(Debug, Default)]
pub struct Throttle {
    last: Mutex<Option<Duration>>,
}

impl Throttle {
    /// True if it didn't happen within `every` before `uptime`; then it is taken to happen now.
    pub fn is_due(&self, uptime: Duration, every: Duration) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| uptime.saturating_sub(last) >= every);
        if is_due {
            *last = Some(uptime);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uptime_follows_no_change_of_the_wall_clock() {
        let clock = Clock::fixed(Moment::from_micros(1_000_000));
        clock.advance(Duration::from_secs(5));
        clock.set_wall(Moment::from_micros(0));
        assert_eq!((clock.now().micros(), clock.uptime()), (0, Duration::from_secs(5)));
    }

    #[test]
    fn a_throttle_lets_one_through_in_a_while() {
        let (throttle, every) = (Throttle::default(), Duration::from_secs(60));
        let is_due = |seconds| throttle.is_due(Duration::from_secs(seconds), every);
        assert!(is_due(0) && !is_due(59) && is_due(60) && !is_due(61));
    }
}
