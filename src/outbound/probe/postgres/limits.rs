//! Limits below the PostgreSQL client. It makes room for whatever length a message announces, keeps every setting that
//! is reported, and asks about each type that it does not know: a server could have it do so without end.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::outbound::framed::Frames;

/// The largest message: a row of a preview has at most 600 KB.
const MAX_MESSAGE: u64 = 1 << 20;
/// The most bytes of the answer to one statement.
const MAX_ANSWER: u64 = 8 << 20;
/// One statement has one reply; what the client asks by itself would have more.
const MAX_REPLIES: u64 = 4;
/// The most bytes of settings that a server reports (ParameterStatus) on one connection.
const MAX_SETTINGS: u64 = 64 << 10;

/// What a server begins with: Authentication, ErrorResponse, NoticeResponse, NegotiateProtocolVersion.
const FIRST_KINDS: &[u8] = b"RENv";

/// The allowances of one connection, renewed with each statement.
#[derive(Clone, Default)]
pub(super) struct Limits(Arc<Allowances>);

#[derive(Default)]
struct Allowances {
    bytes: AtomicU64,
    replies: AtomicU64,
    /// Used by settings so far.
    settings: AtomicU64,
    is_greeted: AtomicBool,
    refusal: OnceLock<Refusal>,
}

/// Why a connection ended here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The first message is none that PostgreSQL begins with.
    OtherServer,
    TooLarge(&'static str),
}

impl Limits {
    /// A statement begins.
    pub fn renew(&self) {
        self.0.bytes.store(MAX_ANSWER, Ordering::Relaxed);
        self.0.replies.store(MAX_REPLIES, Ordering::Relaxed);
    }

    /// Why the connection ended, if it did so here.
    pub fn refusal(&self) -> Option<Refusal> {
        self.0.refusal.get().copied()
    }

    /// Admits a message by its head.
    fn check(&self, kind: u8, length: u64) -> Result<(), Refusal> {
        let is_first = !self.0.is_greeted.swap(true, Ordering::Relaxed);
        if is_first && !FIRST_KINDS.contains(&kind) {
            return Err(Refusal::OtherServer);
        }
        let too_large = |why| Err(Refusal::TooLarge(why));
        if length > MAX_MESSAGE {
            return too_large("A message of the server is larger than we read (1 MB).");
        }
        if !spend(&self.0.bytes, length + 1) {
            return too_large("The answer is larger than we read (8 MB).");
        }
        if kind == b'Z' && !spend(&self.0.replies, 1) {
            return too_large("The server describes its types without end.");
        }
        let is_setting = kind == b'S';
        // A setting of a few bytes takes far more in memory.
        let cost = if is_setting { length + 64 } else { 0 };
        if self.0.settings.fetch_add(cost, Ordering::Relaxed) + cost > MAX_SETTINGS {
            return too_large("The server reports settings without end.");
        }
        Ok(())
    }
}

fn spend(allowance: &AtomicU64, amount: u64) -> bool {
    let left = |left: u64| left.checked_sub(amount);
    allowance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
}

impl Frames for Limits {
    const HEAD: usize = 5;

    fn admit(&mut self, head: &[u8]) -> Option<u64> {
        let [kind, a, b, c, d] = *head.first_chunk()?;
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        match self.check(kind, length) {
            Ok(()) => Some(length.saturating_sub(4)),
            Err(refusal) => {
                self.0.refusal.set(refusal).ok();
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Why messages of these kinds and lengths are refused behind a greeting.
    fn refusal(messages: impl IntoIterator<Item = (u8, u64)>) -> Option<Refusal> {
        let limits = Limits::default();
        limits.renew();
        let mut all = [(b'R', 8)].into_iter().chain(messages);
        all.find_map(|(kind, length)| limits.check(kind, length).err())
    }

    #[track_caller]
    fn is_too_large(found: Option<Refusal>, says: &str) {
        let Some(Refusal::TooLarge(why)) = found else { panic!("{found:?}") };
        assert!(why.contains(says), "{why}");
    }

    #[test]
    fn each_limit_has_its_words() {
        assert_eq!(refusal([(b'T', 70), (b'D', 4000), (b'Z', 5)]), None);
        is_too_large(refusal([(b'E', MAX_MESSAGE + 1)]), "1 MB");
        is_too_large(refusal([(b'D', MAX_MESSAGE); 9]), "8 MB");
        is_too_large(refusal([(b'Z', 5); 5]), "types");
        is_too_large(refusal([(b'S', 10); 1000]), "settings");
        let limits = Limits::default();
        assert_eq!(limits.check(b'H', 10), Err(Refusal::OtherServer));
    }

    #[test]
    fn a_head_is_read_and_a_refusal_is_kept() {
        let mut limits = Limits::default();
        limits.renew();
        assert_eq!(limits.admit(&[b'R', 0, 0, 0, 8]), Some(4));
        assert_eq!(limits.admit(&[b'E', 0x7f, 0xff, 0xff, 0xff]), None);
        is_too_large(limits.refusal(), "1 MB");
    }

    #[test]
    fn a_statement_renews_what_may_be_read() {
        let limits = Limits::default();
        limits.renew();
        assert_eq!(limits.check(b'R', 8), Ok(()));
        for _ in 0..20 {
            assert_eq!(limits.check(b'D', MAX_MESSAGE), Ok(()));
            assert_eq!(limits.check(b'Z', 5), Ok(()));
            limits.renew();
        }
    }
}
