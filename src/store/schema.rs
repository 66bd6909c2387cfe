//! The tables, as diesel sees them. `tests/schema.rs` holds them against the migrations. Second views of one table are in
//! `schema_views.rs`.
pub use super::schema_views::{endings, revocations, vault};

diesel::table! {
    users (id) {
        id -> Text,
        email -> Text,
        email_folded -> Text,
        name -> Text,
        name_folded -> Text,
        role -> Text,
        password_hash -> Nullable<Text>,
        is_active -> Bool,
        session_epoch -> BigInt,
        theme -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        last_seen_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> Text,
        epoch -> BigInt,
        address -> Text,
        user_agent -> Text,
        created_at -> BigInt,
        last_seen_at -> BigInt,
    }
}

diesel::table! {
    invitations (id) {
        id -> Text,
        user_id -> Text,
        token_hash -> Text,
        created_by_id -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    oauth_apps (id) {
        id -> Text,
        service -> Text,
        client_id -> Text,
        secret -> Nullable<Binary>,
        secret_key -> Nullable<Text>,
        bound_destinations -> Nullable<Text>,
        is_shared -> Bool,
        version -> BigInt,
        created_by_id -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    authorizers (id) {
        id -> Text,
        service -> Text,
        auth -> Text,
        name -> Text,
        name_folded -> Text,
        search_text -> Text,
        lifecycle -> Text,
        health -> Text,
        attention -> Integer,
        cause -> Nullable<Text>,
        cause_fields -> Text,
        detail -> Nullable<Text>,
        identity_key -> Text,
        identity_label -> Text,
        granted_scopes -> Text,
        missing_scopes -> Text,
        oauth_app_id -> Nullable<Text>,
        access_expires_at -> Nullable<BigInt>,
        ends_at -> BigInt,
        end_kind -> Text,
        first_failed_at -> Nullable<BigInt>,
        last_ok_at -> Nullable<BigInt>,
        last_checked_at -> BigInt,
        next_try_at -> Nullable<BigInt>,
        failure_count -> Integer,
        credential_version -> BigInt,
        version -> BigInt,
        revocation -> Nullable<Text>,
        revoked_at -> Nullable<BigInt>,
        created_by_id -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    drafts (id) {
        id -> Text,
        user_id -> Text,
        kind -> Text,
        service -> Text,
        sealed -> Binary,
        sealed_key -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    attempts (id) {
        id -> Text,
        state_hash -> Text,
        browser_hash -> Text,
        user_id -> Text,
        service -> Text,
        auth -> Text,
        authorizer_id -> Nullable<Text>,
        oauth_app_id -> Nullable<Text>,
        draft_id -> Nullable<Text>,
        name -> Text,
        sealed -> Nullable<Binary>,
        sealed_key -> Nullable<Text>,
        state -> Text,
        cause -> Nullable<Text>,
        detail -> Nullable<Text>,
        missing_scopes -> Text,
        result_authorizer_id -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
        taken_at -> Nullable<BigInt>,
        grant_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    sources (id) {
        id -> Text,
        name -> Text,
        name_folded -> Text,
        service -> Text,
        authorizer_id -> Text,
        settings -> Text,
        version -> BigInt,
        created_by_id -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    destinations (id) {
        id -> Text,
        name -> Text,
        name_folded -> Text,
        service -> Text,
        authorizer_id -> Text,
        settings -> Text,
        version -> BigInt,
        created_by_id -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    tests (id) {
        id -> Text,
        authorizer_id -> Text,
        started_by_id -> Nullable<Text>,
        started_by_name -> Text,
        state -> Text,
        steps -> Text,
        started_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        needs -> Text,
    }
}

diesel::table! {
    account_requests (id) {
        id -> Text,
        service -> Text,
        note -> Text,
        state -> Text,
        requested_by_id -> Text,
        answered_by_id -> Nullable<Text>,
        answer -> Text,
        created_at -> BigInt,
        answered_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    activity (id) {
        id -> Text,
        at -> BigInt,
        actor -> Nullable<Text>,
        actor_name -> Text,
        verb -> Text,
        subject_kind -> Text,
        subject -> Text,
        subject_name -> Text,
        note -> Text,
        times -> BigInt,
        last_at -> Nullable<BigInt>,
        service -> Nullable<Text>,
    }
}

diesel::table! {
    calendar_feeds (id) {
        id -> Text,
        user_id -> Text,
        token_hash -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    facts (name) {
        name -> Text,
        value -> Binary,
        updated_at -> BigInt,
    }
}

diesel::table! {
    notices (id) {
        id -> Text,
        kind -> Text,
        dedupe -> Text,
        authorizer_id -> Nullable<Text>,
        oauth_app_id -> Nullable<Text>,
        service -> Text,
        name -> Text,
        cause -> Nullable<Text>,
        ends_at -> Nullable<BigInt>,
        created_at -> BigInt,
        spread_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    webhooks (id) {
        id -> Text,
        name -> Text,
        url -> Text,
        secret -> Binary,
        secret_key -> Text,
        topics -> Text,
        is_active -> Bool,
        is_gone -> Bool,
        version -> BigInt,
        created_by_id -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    deliveries (id) {
        id -> Text,
        notice_id -> Text,
        user_id -> Nullable<Text>,
        webhook_id -> Nullable<Text>,
        state -> Text,
        tries -> Integer,
        next_try_at -> BigInt,
        letter -> Nullable<Text>,
        claimed_by -> Nullable<Text>,
        claimed_until -> Nullable<BigInt>,
        tried_at -> Nullable<BigInt>,
        status -> Nullable<Integer>,
        said -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    notice_settings (user_id) {
        user_id -> Text,
        mode -> Text,
        topics -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    submissions (id) {
        id -> Text,
        started_at -> BigInt,
        answered_at -> Nullable<BigInt>,
        sealed -> Nullable<Binary>,
        sealed_key -> Nullable<Text>,
    }
}

diesel::table! {
    swaps (id) {
        id -> Text,
        service -> Text,
        from_authorizer_id -> Nullable<Text>,
        from_name -> Text,
        to_authorizer_id -> Nullable<Text>,
        to_name -> Text,
        to_version -> BigInt,
        state -> Text,
        started_by_id -> Nullable<Text>,
        started_by_name -> Text,
        started_at -> BigInt,
        replaced_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    swap_flows (id) {
        id -> Text,
        swap_id -> Text,
        kind -> Text,
        flow -> Text,
        name -> Text,
        version -> BigInt,
        state -> Text,
        steps -> Text,
        replaced_version -> Nullable<BigInt>,
    }
}

diesel::table! {
    withdrawals (id) {
        id -> Text,
        service -> Text,
        auth -> Text,
        authorizer_id -> Nullable<Text>,
        oauth_app_id -> Nullable<Text>,
        subject_kind -> Text,
        subject -> Text,
        name -> Text,
        identity_key -> Text,
        reason -> Text,
        outcome -> Nullable<Text>,
        detail -> Nullable<Text>,
        tries -> Integer,
        next_try_at -> Nullable<BigInt>,
        sealed -> Nullable<Binary>,
        sealed_key -> Nullable<Text>,
        requested_by_id -> Nullable<Text>,
        requested_by_name -> Text,
        created_at -> BigInt,
        finished_at -> Nullable<BigInt>,
    }
}

diesel::joinable!(deliveries -> notices (notice_id));
diesel::joinable!(deliveries -> users (user_id));
diesel::joinable!(sources -> authorizers (authorizer_id));
diesel::joinable!(destinations -> authorizers (authorizer_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(invitations -> users (user_id));
diesel::joinable!(calendar_feeds -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(
    account_requests,
    activity,
    attempts,
    authorizers,
    calendar_feeds,
    deliveries,
    destinations,
    drafts,
    endings,
    facts,
    invitations,
    notice_settings,
    notices,
    oauth_apps,
    revocations,
    sessions,
    sources,
    submissions,
    swap_flows,
    swaps,
    tests,
    users,
    vault,
    webhooks,
    withdrawals,
);
