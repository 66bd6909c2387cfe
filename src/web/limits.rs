//! How often a wrong password may be tried. Kept in the memory of this process, on its uptime.
//!
//! Three counts, each a bucket that leaks:
//! - a network (see [`Network`]) over all accounts,
//! - a network on one account,
//! - one account over all networks. This one never refuses anybody: it only tells that the account
//!   is being guessed from many places. Then a network that nobody is signed in from to this
//!   account gets fewer tries, and the owner still gets in from everywhere.
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::crypto::token;
use crate::model::name::fold;
use crate::model::network::Network;

/// `burst` tries at once, then one in `every`.
#[derive(Clone, Copy)]
struct Quota {
    burst: u32,
    every: Duration,
}

const PER_NETWORK: Quota = Quota { burst: 30, every: Duration::from_secs(30) };
const PER_ACCOUNT_AND_NETWORK: Quota = Quota { burst: 10, every: Duration::from_secs(60) };
/// More wrong tries than this, from all networks together: the account is being guessed.
const PER_ACCOUNT: Quota = Quota { burst: 100, every: Duration::from_secs(60) };
/// While it is, for networks that nobody is signed in from to this account.
const WHILE_GUESSED: Quota = Quota { burst: 3, every: Duration::from_secs(3600) };

/// Each of the four tables has at most this many entries, about 2 MB.
const MAX_ENTRIES: usize = 20_000;

/// Who tries what.
pub struct PasswordAttempt<'a> {
    pub network: Network,
    /// An e-mail, whatever its case, or what else is guessed. Of any length: only its hash is kept.
    pub account: &'a str,
    /// The account is being guessed ([`Limits::is_guessed`]), and this network is a new one for it.
    pub is_suspect: bool,
}

/// Too many tries: the next one may be made after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl Wait {
    /// Whole seconds, for `Retry-After`.
    pub fn seconds(self) -> u64 {
        self.0.as_secs().max(1)
    }
}

/// An account as a key: 128 bits of its hash.
type AccountKey = u128;

/// Tries that are still counted: for each key the uptime at which its bucket is empty again.
struct Buckets<K> {
    empty_at: HashMap<K, Duration>,
}

impl<K: Eq + Hash> Default for Buckets<K> {
    fn default() -> Self {
        Self { empty_at: HashMap::new() }
    }
}

impl<K: Eq + Hash> Buckets<K> {
    /// How long until one more fits; `None` if it fits now.
    fn wait(&self, key: &K, quota: Quota, now: Duration) -> Option<Duration> {
        let full = quota.every.saturating_mul(quota.burst);
        let level = self.empty_at.get(key)?.saturating_sub(now);
        level.saturating_add(quota.every).checked_sub(full).filter(|wait| !wait.is_zero())
    }

    fn add(&mut self, key: K, quota: Quota, now: Duration) {
        self.make_room(now);
        let empty_at = self.empty_at.entry(key).or_insert(now);
        let highest = now.saturating_add(quota.every.saturating_mul(quota.burst.saturating_mul(2)));
        *empty_at = (*empty_at).max(now).saturating_add(quota.every).min(highest);
    }

    fn take_back(&mut self, key: &K, quota: Quota) {
        if let Some(empty_at) = self.empty_at.get_mut(key) {
            *empty_at = empty_at.saturating_sub(quota.every);
        }
    }

    /// Drops what is empty, then the tenth that is empty first. An entry with many tries is
    /// dropped only after [`MAX_ENTRIES`] others with more: nobody can flush somebody's count.
    fn make_room(&mut self, now: Duration) {
        if self.empty_at.len() < MAX_ENTRIES {
            return;
        }
        self.empty_at.retain(|_, empty_at| *empty_at > now);
        let surplus = (self.empty_at.len() + MAX_ENTRIES / 10).saturating_sub(MAX_ENTRIES);
        if surplus == 0 {
            return;
        }
        let mut levels: Vec<Duration> = self.empty_at.values().copied().collect();
        let (_, &mut lowest_kept, _) = levels.select_nth_unstable(surplus);
        self.empty_at.retain(|_, empty_at| *empty_at >= lowest_kept);
        // Only those at the very border are left to choose from; any of them will do.
        let mut left_over = self.empty_at.len().saturating_sub(MAX_ENTRIES * 9 / 10);
        self.empty_at.retain(|_, empty_at| {
            let is_dropped = left_over > 0 && *empty_at == lowest_kept;
            left_over -= usize::from(is_dropped);
            !is_dropped
        });
    }
}

#[derive(Default)]
struct Counts {
    networks: Buckets<Network>,
    accounts: Buckets<AccountKey>,
    pairs: Buckets<(AccountKey, Network)>,
    /// The same, of those that came while the account was being guessed.
    suspects: Buckets<(AccountKey, Network)>,
}

#[derive(Default)]
pub struct Limits {
    counts: Mutex<Counts>,
}

impl Limits {
    /// More wrong passwords were tried for this account than one forgetful person tries.
    pub fn is_guessed(&self, account: &str, now: Duration) -> bool {
        self.lock().accounts.wait(&key_of(account), PER_ACCOUNT, now).is_some()
    }

    /// Counts one try. Nothing is counted if it is refused.
    pub fn take(&self, attempt: &PasswordAttempt<'_>, now: Duration) -> Result<(), Wait> {
        let (account, network) = (key_of(attempt.account), attempt.network);
        let pair = (account, network);
        let mut counts = self.lock();
        let waits = [
            counts.networks.wait(&network, PER_NETWORK, now),
            counts.pairs.wait(&pair, PER_ACCOUNT_AND_NETWORK, now),
            counts.suspects.wait(&pair, WHILE_GUESSED, now).filter(|_| attempt.is_suspect),
        ];
        if let Some(longest) = waits.into_iter().flatten().max() {
            return Err(Wait(longest));
        }
        counts.networks.add(network, PER_NETWORK, now);
        counts.pairs.add(pair, PER_ACCOUNT_AND_NETWORK, now);
        if attempt.is_suspect {
            counts.suspects.add(pair, WHILE_GUESSED, now);
        }
        counts.accounts.add(account, PER_ACCOUNT, now);
        Ok(())
    }

    /// Counts one try from `network`, whatever it was for.
    pub fn take_network(&self, network: Network, now: Duration) -> Result<(), Wait> {
        let mut counts = self.lock();
        if let Some(wait) = counts.networks.wait(&network, PER_NETWORK, now) {
            return Err(Wait(wait));
        }
        counts.networks.add(network, PER_NETWORK, now);
        Ok(())
    }

    /// The password was right: what this network tried for this account is forgotten, and the
    /// other two counts get the try back. What others tried stays counted.
    pub fn give_back(&self, attempt: &PasswordAttempt<'_>) {
        let account = key_of(attempt.account);
        let mut counts = self.lock();
        counts.pairs.empty_at.remove(&(account, attempt.network));
        counts.suspects.empty_at.remove(&(account, attempt.network));
        counts.accounts.take_back(&account, PER_ACCOUNT);
        counts.networks.take_back(&attempt.network, PER_NETWORK);
    }

    /// The try showed nothing: it doesn't count.
    pub fn give_back_try(&self, attempt: &PasswordAttempt<'_>) {
        let account = key_of(attempt.account);
        let pair = (account, attempt.network);
        let mut counts = self.lock();
        counts.pairs.take_back(&pair, PER_ACCOUNT_AND_NETWORK);
        if attempt.is_suspect {
            counts.suspects.take_back(&pair, WHILE_GUESSED);
        }
        counts.accounts.take_back(&account, PER_ACCOUNT);
        counts.networks.take_back(&attempt.network, PER_NETWORK);
    }

    pub fn give_back_network(&self, network: Network) {
        self.lock().networks.take_back(&network, PER_NETWORK);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Folded as the database folds e-mails: no other spelling of an account has a count of its own.
fn key_of(account: &str) -> AccountKey {
    let digest = token::sha256(&fold(account.trim()));
    digest.iter().take(16).fold(0, |key, byte| (key << 8) | AccountKey::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    fn attempt<'a>(address: &str, account: &'a str) -> PasswordAttempt<'a> {
        PasswordAttempt { network: network(address), account, is_suspect: false }
    }

    fn at(seconds: u64) -> Duration {
        NOW + Duration::from_secs(seconds)
    }

    #[test]
    fn a_network_has_ten_tries_at_one_account_and_the_next_one_after_a_minute() {
        let limits = Limits::default();
        for number in 0..10 {
            let tried = limits.take(&attempt("192.0.2.99", "anna@example.com"), NOW);
            assert_eq!(tried, Ok(()), "try {number}");
        }
        let again = |address, now| limits.take(&attempt(address, " Anna@Example.com"), now);
        assert_eq!(again("192.0.2.99", NOW), Err(Wait(Duration::from_secs(60))));
        assert_eq!(again("192.0.2.100", NOW), Ok(()), "another network is another count");
        assert_eq!(again("192.0.2.99", at(60)), Ok(()));
        assert!(again("192.0.2.99", at(60)).is_err());
    }

    #[test]
    fn a_network_has_thirty_tries_whatever_accounts_it_tries() {
        let limits = Limits::default();
        for number in 0..30 {
            let account = format!("{number}@example.com");
            let tried = limits.take(&attempt("2001:db8::1", &account), NOW);
            assert_eq!(tried, Ok(()), "try {number}");
        }
        let other = |address| limits.take(&attempt(address, "other@example.com"), NOW);
        assert_eq!(other("2001:db8::2"), Err(Wait(Duration::from_secs(30))));
        assert_eq!(other("2001:db8:0:1::2"), Ok(()));
    }

    #[test]
    fn a_guess_from_many_networks_leaves_new_ones_three_tries_and_known_ones_ten() {
        let limits = Limits::default();
        assert!(!limits.is_guessed("anna@example.com", NOW));
        for number in 0..100 {
            let address = format!("198.51.100.{number}");
            assert_eq!(limits.take(&attempt(&address, "anna@example.com"), NOW), Ok(()));
        }
        assert!(limits.is_guessed("ANNA@example.com", NOW));
        assert!(!limits.is_guessed("bela@example.com", NOW));
        let tries = |address: &str, is_suspect| {
            let attempt = PasswordAttempt { is_suspect, ..attempt(address, "anna@example.com") };
            (0..30).take_while(|_| limits.take(&attempt, NOW).is_ok()).count()
        };
        assert_eq!(tries("203.0.113.1", true), 3);
        assert_eq!(tries("203.0.113.2", false), 10, "nobody is locked out from elsewhere");
        assert!(!limits.is_guessed("anna@example.com", at(3 * 3600)), "it is over");
    }

    #[test]
    fn a_right_password_clears_the_count_of_its_network_alone() {
        let limits = Limits::default();
        let (own, other) =
            (attempt("192.0.2.1", "anna@example.com"), attempt("192.0.2.2", "anna@example.com"));
        for _ in 0..10 {
            assert_eq!(limits.take(&other, NOW), Ok(()));
        }
        for _ in 0..40 {
            assert_eq!(limits.take(&own, NOW), Ok(()));
            limits.give_back(&own);
        }
        assert!(limits.take(&other, NOW).is_err());
    }

    #[test]
    fn a_flood_of_new_keys_neither_grows_the_tables_nor_flushes_a_count() {
        let limits = Limits::default();
        let guessed = attempt("192.0.2.1", "anna@example.com");
        for _ in 0..10 {
            assert_eq!(limits.take(&guessed, NOW), Ok(()));
        }
        for number in 0..3 * MAX_ENTRIES {
            let (high, low) = (number / 65_536, number % 65_536);
            let account = format!("{number}@example.com");
            let flood = attempt(&format!("2001:db8:{high:x}:{low:x}::1"), &account);
            assert_eq!(limits.take(&flood, NOW), Ok(()));
        }
        let counts = limits.lock();
        assert!(counts.networks.empty_at.len() <= MAX_ENTRIES);
        assert!(counts.accounts.empty_at.len() <= MAX_ENTRIES);
        assert!(counts.pairs.empty_at.len() <= MAX_ENTRIES);
        drop(counts);
        assert!(limits.take(&guessed, NOW).is_err());
    }

    #[test]
    fn tries_that_no_longer_count_are_dropped_when_room_is_needed() {
        let limits = Limits::default();
        let later = |number: usize| NOW + Duration::from_secs(61 * number as u64);
        for number in 0..=MAX_ENTRIES {
            let account = format!("{number}@example.com");
            let tried = limits.take(&attempt("192.0.2.1", &account), later(number));
            assert_eq!(tried, Ok(()), "try {number}");
        }
        assert!(limits.lock().pairs.empty_at.len() < 10);
    }
}
