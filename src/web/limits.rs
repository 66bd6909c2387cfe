//! How often a wrong password may be tried: per address and per account. Kept in memory, on the app's clock.
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::time::Moment;

/// `burst` tries at once, then one in `every`.
#[derive(Clone, Copy)]
struct Quota {
    burst: u32,
    every: Duration,
}

const PER_ADDRESS: Quota = Quota { burst: 30, every: Duration::from_secs(30) };
const PER_ACCOUNT: Quota = Quota { burst: 10, every: Duration::from_secs(60) };
/// Above this many keys, those that no longer matter are dropped.
const KEYS: usize = 10_000;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Account(String),
}

/// Tries that are still counted: for each key the moment at which its bucket is empty again.
#[derive(Default)]
pub struct Limits {
    empty_at: Mutex<HashMap<Key, Moment>>,
}

/// Too many tries: the next one may be made after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl Limits {
    /// Counts one try from `address` for `account` (an e-mail, whatever its case). Nothing is counted if it is refused.
    pub fn take(&self, address: IpAddr, account: &str, now: Moment) -> Result<(), Wait> {
        self.take_all(
            &[(of_address(address), PER_ADDRESS), (of_account(account), PER_ACCOUNT)],
            now,
        )
    }

    /// Counts one try from `address`, whatever it was for.
    pub fn take_address(&self, address: IpAddr, now: Moment) -> Result<(), Wait> {
        self.take_all(&[(of_address(address), PER_ADDRESS)], now)
    }

    fn take_all(&self, keys: &[(Key, Quota)], now: Moment) -> Result<(), Wait> {
        let mut empty_at = self.lock();
        if empty_at.len() > KEYS {
            empty_at.retain(|_, at| *at > now);
        }
        let waits =
            keys.iter().filter_map(|(key, quota)| wait(empty_at.get(key).copied(), *quota, now));
        if let Some(longest) = waits.max() {
            return Err(Wait(longest));
        }
        for (key, quota) in keys {
            let at = empty_at.entry(key.clone()).or_insert(now);
            *at = (*at).max(now).plus(quota.every);
        }
        Ok(())
    }

    /// The password was right: its account starts anew, and the address gets its try back.
    pub fn give_back(&self, address: IpAddr, account: &str) {
        self.lock().remove(&of_account(account));
        self.give_back_address(address);
    }

    pub fn give_back_address(&self, address: IpAddr) {
        let mut empty_at = self.lock();
        if let Some(at) = empty_at.get_mut(&of_address(address)) {
            *at = at.minus(PER_ADDRESS.every);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Moment>> {
        self.empty_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long until one more fits; `None` if it fits now.
fn wait(empty_at: Option<Moment>, quota: Quota, now: Moment) -> Option<Duration> {
    let full = quota.every.saturating_mul(quota.burst);
    let after = empty_at?.max(now).plus(quota.every).since(now);
    after.checked_sub(full).filter(|wait| !wait.is_zero())
}

/// Whoever has one address of a /64 has all of them.
fn of_address(address: IpAddr) -> Key {
    Key::Address(match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        other => other.to_canonical(),
    })
}

fn of_account(account: &str) -> Key {
    Key::Account(account.trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_micros(1_795_442_591_000_000);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_account_is_closed_after_ten_tries_and_opens_again_after_a_minute() {
        let limits = Limits::default();
        for at in 0..10 {
            assert_eq!(
                limits.take(address(&format!("192.0.2.{at}")), "anna@example.com", NOW),
                Ok(()),
                "try {at}"
            );
        }
        let eleventh = limits.take(address("192.0.2.99"), " Anna@Example.com", NOW);
        assert_eq!(eleventh, Err(Wait(Duration::from_secs(60))));
        let later = NOW.plus(Duration::from_secs(60));
        assert_eq!(limits.take(address("192.0.2.99"), "anna@example.com", later), Ok(()));
        assert!(limits.take(address("192.0.2.99"), "anna@example.com", later).is_err());
    }

    #[test]
    fn an_address_is_closed_whatever_accounts_it_tries() {
        let limits = Limits::default();
        for at in 0..30 {
            assert_eq!(
                limits.take(address("2001:db8::1"), &format!("{at}@example.com"), NOW),
                Ok(()),
                "try {at}"
            );
        }
        assert_eq!(
            limits.take(address("2001:db8::2"), "other@example.com", NOW),
            Err(Wait(Duration::from_secs(30)))
        );
        assert_eq!(limits.take(address("2001:db8:1::2"), "other@example.com", NOW), Ok(()));
    }

    #[test]
    fn a_right_password_clears_the_account() {
        let limits = Limits::default();
        for _ in 0..40 {
            assert_eq!(limits.take(address("192.0.2.1"), "anna@example.com", NOW), Ok(()));
            limits.give_back(address("192.0.2.1"), "ANNA@example.com");
        }
    }

    #[test]
    fn old_tries_are_forgotten() {
        let limits = Limits::default();
        for at in 0..=KEYS {
            limits
                .take(
                    address("192.0.2.1"),
                    &format!("{at}@example.com"),
                    NOW.plus(Duration::from_secs(31 * at as u64)),
                )
                .unwrap();
        }
        assert!(limits.lock().len() < 10);
    }
}
