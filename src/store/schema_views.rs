//! Second views of the table `authorizers`.

// For what no page ever reads: diesel's tuples end at 32 columns, and a row without secrets cannot show them by
// mistake.
diesel::table! {
    #[sql_name = "authorizers"]
    vault (id) {
        id -> Text,
        sealed -> Nullable<Binary>,
        sealed_key -> Nullable<Text>,
        lease_owner -> Nullable<Text>,
        lease_generation -> BigInt,
        lease_until -> Nullable<BigInt>,
        credential_version -> BigInt,
        refresh_started_at -> Nullable<BigInt>,
        refresh_refusals -> Integer,
        lifecycle -> Text,
        health -> Text,
        attention -> Integer,
        next_try_at -> Nullable<BigInt>,
        access_expires_at -> Nullable<BigInt>,
        service -> Text,
        auth -> Text,
        bound_destinations -> Nullable<Text>,
        bound_fields -> Nullable<Text>,
    }
}

// For what its revocation came to: the receipt reads it.
diesel::table! {
    #[sql_name = "authorizers"]
    revocations (id) {
        id -> Text,
        revocation -> Nullable<Text>,
        revocation_detail -> Nullable<Text>,
    }
}

// For when it ends: what forecasts are made from.
diesel::table! {
    #[sql_name = "authorizers"]
    endings (id) {
        id -> Text,
        service -> Text,
        name -> Text,
        identity_label -> Text,
        lifecycle -> Text,
        health -> Text,
        attention -> Integer,
        cause -> Nullable<Text>,
        first_failed_at -> Nullable<BigInt>,
        next_try_at -> Nullable<BigInt>,
        ends_at -> BigInt,
        end_kind -> Text,
        end_reason -> Nullable<Text>,
        consented_at -> Nullable<BigInt>,
        idle_ends_at -> Nullable<BigInt>,
        updated_at -> BigInt,
    }
}
