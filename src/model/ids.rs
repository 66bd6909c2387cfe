//! Ids: UUIDv7 as text, so that newer rows sort later; one type per noun.
use super::time::Moment;

macro_rules! ids {
    ($($name:ident),+ $(,)?) => {$(
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A new id; `random` is ten bytes from the system's generator.
            pub fn new(now: Moment, random: [u8; 10]) -> Self {
                Self(uuid_v7(now, random))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

ids!(
    UserId,
    SessionId,
    InvitationId,
    AuthorizerId,
    OAuthAppId,
    AttemptId,
    DraftId,
    SourceId,
    DestinationId,
    TestId,
    ActivityId,
    AccountRequestId,
    CalendarFeedId,
    NoticeId,
    DeliveryId,
    WebhookId,
    SwapId,
    WithdrawalId,
);

/// The `id` in a service's file, such as `linkedin-ads`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct ServiceId(pub String);

impl ServiceId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ServiceId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Display for ServiceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn uuid_v7(now: Moment, random: [u8; 10]) -> String {
    let millis = u64::try_from(now.micros() / 1000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
}
