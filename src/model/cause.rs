//! Why an authorizer does not work: stable codes. Pages word them (`web::wording`).
use super::authorizer::Health;

macro_rules! causes {
    ($($name:ident => $code:literal, $health:ident, $passing:literal;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum Cause { $(#[serde(rename = $code)] $name),+ }

        impl Cause {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// As stored; never changes its meaning.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The health that this cause leads to (for a passing one: while it still may pass).
            pub fn health(self) -> Health {
                match self { $(Self::$name => Health::$health),+ }
            }

            /// It may go away by itself: tokens are kept, we try again.
            pub fn is_passing(self) -> bool {
                match self { $(Self::$name => $passing),+ }
            }
        }
    };
}

causes! {
    HostUnknown => "host_unknown", Retrying, true;
    PortRefused => "port_refused", Retrying, true;
    Unreachable => "unreachable", Retrying, true;
    Timeout => "timeout", Retrying, true;
    TlsRequired => "tls_required", Misconfigured, false;
    TlsUntrusted => "tls_untrusted", Misconfigured, false;
    TlsUnsupported => "tls_unsupported", Misconfigured, false;
    TunnelRefused => "tunnel_refused", Retrying, true;
    TunnelLoginRejected => "tunnel_login_rejected", NeedsReauthorization, false;
    LoginRejected => "login_rejected", NeedsReauthorization, false;
    SecretRejected => "secret_rejected", NeedsReauthorization, false;
    UnknownDatabase => "unknown_database", Misconfigured, false;
    UnknownAccount => "unknown_account", Misconfigured, false;
    UnknownObject => "unknown_object", Misconfigured, false;
    GrantRevoked => "grant_revoked", NeedsReauthorization, false;
    TokenExpired => "token_expired", NeedsReauthorization, false;
    RotationLost => "rotation_lost", NeedsReauthorization, false;
    PeriodEnded => "period_ended", NeedsReauthorization, false;
    RenewalRefused => "renewal_refused", Retrying, true;
    FreshTokenRefused => "fresh_token_refused", Retrying, true;
    AppRejected => "app_rejected", Misconfigured, false;
    RedirectMismatch => "redirect_mismatch", Misconfigured, false;
    MissingScope => "missing_scope", Misconfigured, false;
    MissingRefreshToken => "missing_refresh_token", Misconfigured, false;
    Forbidden => "forbidden", Misconfigured, false;
    RateLimited => "rate_limited", Retrying, true;
    ProviderDown => "provider_down", Retrying, true;
    MalformedAnswer => "malformed_answer", Retrying, true;
    AnswerTooLarge => "answer_too_large", Retrying, true;
    RequestRejected => "request_rejected", Misconfigured, false;
    UserDenied => "user_denied", Misconfigured, false;
    AttemptExpired => "attempt_expired", Misconfigured, false;
    AttemptUsed => "attempt_used", Misconfigured, false;
    Interrupted => "interrupted", Misconfigured, false;
    OtherBrowser => "other_browser", Misconfigured, false;
    OtherUser => "other_user", Misconfigured, false;
    OtherAccount => "other_account", Misconfigured, false;
    IssuerMismatch => "issuer_mismatch", Misconfigured, false;
    BlockedAddress => "blocked_address", Misconfigured, false;
    KeyMissing => "key_missing", Locked, false;
    ServiceFileMissing => "service_file_missing", Misconfigured, false;
    ServiceFileBroken => "service_file_broken", Misconfigured, false;
    MethodGone => "method_gone", Misconfigured, false;
    FieldsMissing => "fields_missing", Misconfigured, false;
    DestinationChanged => "destination_changed", Misconfigured, false;
}

impl Cause {
    /// The account got in, and may not do what was asked or does not see it.
    pub fn is_of_rights(self) -> bool {
        matches!(self, Self::Forbidden | Self::MissingScope | Self::UnknownObject)
    }

    /// The service refused the token or the key that the call carried.
    pub fn is_of_token(self) -> bool {
        matches!(self, Self::TokenExpired | Self::SecretRejected | Self::GrantRevoked)
    }

    /// The service file does not fit the authorizer: nothing was called.
    pub fn is_of_service_file(self) -> bool {
        matches!(
            self,
            Self::ServiceFileMissing
                | Self::ServiceFileBroken
                | Self::MethodGone
                | Self::FieldsMissing
                | Self::DestinationChanged
        )
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|cause| cause.code() == code)
    }
}
