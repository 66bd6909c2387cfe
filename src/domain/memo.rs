//! What was worked out from one state of the database, for as long as that state lasts.
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::time::Moment;
use crate::model::version::DataVersion;

/// Not longer, whatever the database says: ends come, and “2 minutes ago” grows old.
const LASTS: Duration = Duration::from_secs(10);

pub struct Memo<K, T> {
    /// Above this number of keys it starts anew.
    keys: usize,
    held: Mutex<Option<State<K, T>>>,
}

struct State<K, T> {
    version: DataVersion,
    since: Moment,
    found: HashMap<K, T>,
}

impl<K: Eq + Hash, T: Clone> Memo<K, T> {
    pub fn new(keys: usize) -> Self {
        Self { keys, held: Mutex::new(None) }
    }

    pub fn get(&self, version: &DataVersion, now: Moment, key: &K) -> Option<T> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|state| state.holds(version, now))?.found.get(key).cloned()
    }

    /// `version` must have been asked for before `value` was read: what is written in between is in the value already.
    pub fn put(&self, version: &DataVersion, now: Moment, key: K, value: T) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let state =
            held.take().filter(|state| state.holds(version, now) && state.found.len() < self.keys);
        let mut state = state.unwrap_or_else(|| State {
            version: version.clone(),
            since: now,
            found: HashMap::new(),
        });
        state.found.insert(key, value);
        *held = Some(state);
    }
}

impl<K, T> State<K, T> {
    fn holds(&self, version: &DataVersion, now: Moment) -> bool {
        self.version == *version && self.since <= now && now.since(self.since) < LASTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(state: &str) -> DataVersion {
        DataVersion { pool: 1, state: state.to_owned() }
    }

    #[test]
    fn it_is_known_until_something_is_written_or_it_is_old() {
        let (memo, now) = (Memo::new(16), Moment::from_micros(1_000_000_000));
        memo.put(&version("1"), now, "key", 1);
        assert_eq!(memo.get(&version("1"), now, &"key"), Some(1));
        assert_eq!(memo.get(&version("1"), now, &"other"), None);
        assert_eq!(memo.get(&version("2"), now, &"key"), None);
        assert_eq!(memo.get(&DataVersion { pool: 2, ..version("1") }, now, &"key"), None);
        assert_eq!(memo.get(&version("1"), now.plus(LASTS), &"key"), None);
        assert_eq!(
            memo.get(&version("1"), now.minus(LASTS), &"key"),
            None,
            "a clock that was set back"
        );
        memo.put(&version("2"), now, "other", 2);
        assert_eq!(memo.get(&version("2"), now, &"key"), None, "what was known before is gone");
        assert_eq!(memo.get(&version("2"), now, &"other"), Some(2));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let (memo, now) = (Memo::new(16), Moment::from_micros(0));
        (0..=16).for_each(|key| memo.put(&version("1"), now, key, key));
        assert_eq!(memo.get(&version("1"), now, &0), None);
        assert_eq!(memo.get(&version("1"), now, &16), Some(16));
    }
}
