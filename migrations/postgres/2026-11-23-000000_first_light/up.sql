-- Times are microseconds since the epoch, UTC. Ids are UUIDv7 as text. Lists and maps are JSON as text.
CREATE TABLE users (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  email TEXT COLLATE "C" NOT NULL,
  email_folded TEXT COLLATE "C" NOT NULL UNIQUE,
  name TEXT COLLATE "C" NOT NULL,
  name_folded TEXT COLLATE "C" NOT NULL,
  role TEXT COLLATE "C" NOT NULL,
  password_hash TEXT COLLATE "C",
  is_active BOOLEAN NOT NULL,
  -- Rises to sign a person out everywhere.
  session_epoch BIGINT NOT NULL,
  theme TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  last_seen_at BIGINT
);
CREATE INDEX users_by_name ON users (name_folded, id);

CREATE TABLE sessions (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  epoch BIGINT NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  user_agent TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id, last_seen_at);

-- One-time links to set a password.
CREATE TABLE invitations (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  token_hash TEXT COLLATE "C" NOT NULL UNIQUE,
  created_by_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);
CREATE INDEX invitations_by_user ON invitations (user_id);
CREATE INDEX invitations_by_creator ON invitations (created_by_id);

CREATE TABLE oauth_apps (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  service TEXT COLLATE "C" NOT NULL,
  client_id TEXT COLLATE "C" NOT NULL,
  -- Sealed; NULL for a public client.
  secret BYTEA,
  secret_key TEXT COLLATE "C",
  is_shared BOOLEAN NOT NULL,
  version BIGINT NOT NULL,
  created_by_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX oauth_apps_shared ON oauth_apps (service) WHERE is_shared;
CREATE INDEX oauth_apps_by_creator ON oauth_apps (created_by_id);

CREATE TABLE authorizers (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  service TEXT COLLATE "C" NOT NULL,
  auth TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  name_folded TEXT COLLATE "C" NOT NULL UNIQUE,
  -- Name, identity and service together, folded: what the search looks at.
  search_text TEXT COLLATE "C" NOT NULL,
  lifecycle TEXT COLLATE "C" NOT NULL,
  health TEXT COLLATE "C" NOT NULL,
  -- 0 broken or locked, 1 retrying, 2 not tested, 3 working, 4 revoked: the list's first sort key.
  attention INTEGER NOT NULL,
  cause TEXT COLLATE "C",
  cause_fields TEXT COLLATE "C" NOT NULL,
  detail TEXT COLLATE "C",
  identity_key TEXT COLLATE "C" NOT NULL,
  identity_label TEXT COLLATE "C" NOT NULL,
  granted_scopes TEXT COLLATE "C" NOT NULL,
  missing_scopes TEXT COLLATE "C" NOT NULL,
  oauth_app_id TEXT COLLATE "C" REFERENCES oauth_apps (id) ON DELETE RESTRICT,
  -- Credentials, sealed as one piece and bound to this row.
  sealed BYTEA,
  sealed_key TEXT COLLATE "C",
  access_expires_at BIGINT,
  -- Far future when unknown, so that it can be compared and sorted: 9007199254740991.
  ends_at BIGINT NOT NULL,
  end_kind TEXT COLLATE "C" NOT NULL,
  first_failed_at BIGINT,
  last_ok_at BIGINT,
  -- 0 when never checked.
  last_checked_at BIGINT NOT NULL,
  next_try_at BIGINT,
  failure_count INTEGER NOT NULL,
  credential_version BIGINT NOT NULL,
  version BIGINT NOT NULL,
  revocation TEXT COLLATE "C",
  revoked_at BIGINT,
  -- The fenced lease of a refresh.
  lease_owner TEXT COLLATE "C",
  lease_generation BIGINT NOT NULL DEFAULT 0,
  lease_until BIGINT,
  -- Set before the token call, cleared when its answer is stored: a mark that outlives a crash.
  refresh_started_at BIGINT,
  created_by_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
-- One for each order of the list, alone, with a badge and with a service. The folded name is unique, so it ends the key.
CREATE INDEX authorizers_by_attention ON authorizers (attention, name_folded);
CREATE INDEX authorizers_by_created ON authorizers (created_at, id);
CREATE INDEX authorizers_by_checked ON authorizers (last_checked_at, id);
CREATE INDEX authorizers_by_attention_created ON authorizers (attention, created_at, id);
CREATE INDEX authorizers_by_attention_checked ON authorizers (attention, last_checked_at, id);
CREATE INDEX authorizers_by_service ON authorizers (service, attention, name_folded);
CREATE INDEX authorizers_by_service_name ON authorizers (service, name_folded);
CREATE INDEX authorizers_by_service_created ON authorizers (service, created_at, id);
CREATE INDEX authorizers_by_service_checked ON authorizers (service, last_checked_at, id);
CREATE INDEX authorizers_by_end ON authorizers (attention, ends_at);
CREATE INDEX authorizers_by_identity ON authorizers (service, identity_key);
CREATE INDEX authorizers_by_app ON authorizers (oauth_app_id);
CREATE INDEX authorizers_by_creator ON authorizers (created_by_id);
CREATE INDEX authorizers_by_access_end ON authorizers (access_expires_at);
CREATE INDEX authorizers_by_next_try ON authorizers (next_try_at);

-- The search: trigrams of search_text, where the server has them and we may use them; else it reads every row.
DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
EXCEPTION WHEN OTHERS THEN
  RAISE NOTICE 'pg_trgm is not available: the search will be slow among many authorizers';
END
$$;
DO $$
DECLARE home text;
BEGIN
  SELECT quote_ident(n.nspname) INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
  IF home IS NOT NULL THEN
    EXECUTE format('CREATE INDEX authorizers_search ON authorizers USING gin (search_text %s.gin_trgm_ops)', home);
  END IF;
END
$$;

CREATE TABLE drafts (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  kind TEXT COLLATE "C" NOT NULL,
  service TEXT COLLATE "C" NOT NULL,
  -- Everything typed, the secrets too, sealed as one piece and bound to this row.
  sealed BYTEA NOT NULL,
  sealed_key TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX drafts_by_user ON drafts (user_id);
CREATE INDEX drafts_by_end ON drafts (expires_at);

CREATE TABLE attempts (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  -- SHA-256 of the state parameter.
  state_hash TEXT COLLATE "C" NOT NULL UNIQUE,
  -- SHA-256 of the browser's cookie.
  browser_hash TEXT COLLATE "C" NOT NULL,
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  service TEXT COLLATE "C" NOT NULL,
  auth TEXT COLLATE "C" NOT NULL,
  authorizer_id TEXT COLLATE "C" REFERENCES authorizers (id) ON DELETE CASCADE,
  oauth_app_id TEXT COLLATE "C" REFERENCES oauth_apps (id) ON DELETE CASCADE,
  draft_id TEXT COLLATE "C" REFERENCES drafts (id) ON DELETE SET NULL,
  name TEXT COLLATE "C" NOT NULL,
  -- PKCE verifier, typed fields and, for another account, its tokens: sealed as one piece and bound to this row.
  sealed BYTEA,
  sealed_key TEXT COLLATE "C",
  state TEXT COLLATE "C" NOT NULL,
  cause TEXT COLLATE "C",
  detail TEXT COLLATE "C",
  missing_scopes TEXT COLLATE "C" NOT NULL,
  result_authorizer_id TEXT COLLATE "C" REFERENCES authorizers (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX attempts_by_user ON attempts (user_id);
CREATE INDEX attempts_by_authorizer ON attempts (authorizer_id);
CREATE INDEX attempts_by_app ON attempts (oauth_app_id);
CREATE INDEX attempts_by_draft ON attempts (draft_id);
CREATE INDEX attempts_by_result ON attempts (result_authorizer_id);
CREATE INDEX attempts_by_end ON attempts (expires_at);

CREATE TABLE sources (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  name_folded TEXT COLLATE "C" NOT NULL UNIQUE,
  service TEXT COLLATE "C" NOT NULL,
  authorizer_id TEXT COLLATE "C" NOT NULL REFERENCES authorizers (id) ON DELETE RESTRICT,
  settings TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  created_by_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX sources_by_authorizer ON sources (authorizer_id);
CREATE INDEX sources_by_service ON sources (service, name_folded);
CREATE INDEX sources_by_creator ON sources (created_by_id);

CREATE TABLE destinations (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  name_folded TEXT COLLATE "C" NOT NULL UNIQUE,
  service TEXT COLLATE "C" NOT NULL,
  authorizer_id TEXT COLLATE "C" NOT NULL REFERENCES authorizers (id) ON DELETE RESTRICT,
  settings TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  created_by_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX destinations_by_authorizer ON destinations (authorizer_id);
CREATE INDEX destinations_by_service ON destinations (service, name_folded);
CREATE INDEX destinations_by_creator ON destinations (created_by_id);

-- Tests of authorizers, finished or running; the history of the authorizer's page.
CREATE TABLE tests (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  authorizer_id TEXT COLLATE "C" NOT NULL REFERENCES authorizers (id) ON DELETE CASCADE,
  started_by_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
  started_by_name TEXT COLLATE "C" NOT NULL,
  -- running, passed, failed
  state TEXT COLLATE "C" NOT NULL,
  steps TEXT COLLATE "C" NOT NULL,
  started_at BIGINT NOT NULL,
  finished_at BIGINT
);
CREATE INDEX tests_by_authorizer ON tests (authorizer_id, started_at);
CREATE INDEX tests_by_starter ON tests (started_by_id);

CREATE TABLE account_requests (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  service TEXT COLLATE "C" NOT NULL,
  note TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  requested_by_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  answered_by_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
  answer TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  answered_at BIGINT
);
CREATE INDEX account_requests_by_state ON account_requests (state, created_at);
CREATE INDEX account_requests_by_requester ON account_requests (requested_by_id);
CREATE INDEX account_requests_by_answerer ON account_requests (answered_by_id);

-- What happened. No foreign keys on purpose: a line outlives what it tells of.
CREATE TABLE activity (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  actor TEXT COLLATE "C",
  actor_name TEXT COLLATE "C" NOT NULL,
  verb TEXT COLLATE "C" NOT NULL,
  subject_kind TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  subject_name TEXT COLLATE "C" NOT NULL,
  note TEXT COLLATE "C" NOT NULL
);
CREATE INDEX activity_by_time ON activity (at, id);
CREATE INDEX activity_by_subject ON activity (subject_kind, subject, at, id);
CREATE INDEX activity_by_actor ON activity (actor, at, id);
CREATE INDEX activity_by_verb ON activity (verb, at, id);

-- Facts about this installation: the sealed sentinels that prove a key right, the hash of the set-up code.
CREATE TABLE facts (
  name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  value BYTEA NOT NULL,
  updated_at BIGINT NOT NULL
);
