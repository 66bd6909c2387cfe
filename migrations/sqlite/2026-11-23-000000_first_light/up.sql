-- Times are microseconds since the epoch, UTC. Ids are UUIDv7 as text. Lists and maps are JSON as text.
CREATE TABLE users (
  id TEXT NOT NULL PRIMARY KEY,
  email TEXT NOT NULL,
  email_folded TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  name_folded TEXT NOT NULL,
  role TEXT NOT NULL,
  password_hash TEXT,
  is_active BOOLEAN NOT NULL,
  -- Rises to sign a person out everywhere.
  session_epoch BIGINT NOT NULL,
  theme TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  last_seen_at BIGINT
);
CREATE INDEX users_by_name ON users (name_folded, id);

CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  epoch BIGINT NOT NULL,
  address TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id, last_seen_at);

-- One-time links to set a password.
CREATE TABLE invitations (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  token_hash TEXT NOT NULL UNIQUE,
  created_by_id TEXT REFERENCES users (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);
CREATE INDEX invitations_by_user ON invitations (user_id);
CREATE INDEX invitations_by_creator ON invitations (created_by_id);

CREATE TABLE oauth_apps (
  id TEXT NOT NULL PRIMARY KEY,
  service TEXT NOT NULL,
  client_id TEXT NOT NULL,
  -- Sealed; NULL for a public client.
  secret BLOB,
  secret_key TEXT,
  is_shared BOOLEAN NOT NULL,
  version BIGINT NOT NULL,
  created_by_id TEXT REFERENCES users (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX oauth_apps_shared ON oauth_apps (service) WHERE is_shared;
CREATE INDEX oauth_apps_by_creator ON oauth_apps (created_by_id);

CREATE TABLE authorizers (
  id TEXT NOT NULL PRIMARY KEY,
  service TEXT NOT NULL,
  auth TEXT NOT NULL,
  name TEXT NOT NULL,
  name_folded TEXT NOT NULL UNIQUE,
  -- Name, identity and service together, folded: what the search looks at.
  search_text TEXT NOT NULL,
  lifecycle TEXT NOT NULL,
  health TEXT NOT NULL,
  -- 0 broken or locked, 1 retrying, 2 not tested, 3 working, 4 revoked: the list's first sort key.
  attention INTEGER NOT NULL,
  cause TEXT,
  cause_fields TEXT NOT NULL,
  detail TEXT,
  identity_key TEXT NOT NULL,
  identity_label TEXT NOT NULL,
  granted_scopes TEXT NOT NULL,
  missing_scopes TEXT NOT NULL,
  oauth_app_id TEXT REFERENCES oauth_apps (id) ON DELETE RESTRICT,
  -- Credentials, sealed as one piece and bound to this row.
  sealed BLOB,
  sealed_key TEXT,
  access_expires_at BIGINT,
  -- Far future when unknown, so that it can be compared and sorted: 9007199254740991.
  ends_at BIGINT NOT NULL,
  end_kind TEXT NOT NULL,
  first_failed_at BIGINT,
  last_ok_at BIGINT,
  -- 0 when never checked.
  last_checked_at BIGINT NOT NULL,
  next_try_at BIGINT,
  failure_count INTEGER NOT NULL,
  credential_version BIGINT NOT NULL,
  version BIGINT NOT NULL,
  revocation TEXT,
  revoked_at BIGINT,
  -- The fenced lease of a refresh.
  lease_owner TEXT,
  lease_generation BIGINT NOT NULL DEFAULT 0,
  lease_until BIGINT,
  -- Set before the token call, cleared when its answer is stored: a mark that outlives a crash.
  refresh_started_at BIGINT,
  created_by_id TEXT REFERENCES users (id) ON DELETE SET NULL,
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

-- The search: trigrams of search_text. Its rows have numbers of their own, because VACUUM may change those of a table
-- whose key is a text.
CREATE TABLE authorizers_search_rows (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE VIRTUAL TABLE authorizers_search USING fts5 (search_text, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1');
CREATE TRIGGER authorizers_search_insert AFTER INSERT ON authorizers BEGIN
  INSERT INTO authorizers_search_rows (id) VALUES (new.id);
  INSERT INTO authorizers_search (rowid, search_text) SELECT number, new.search_text FROM authorizers_search_rows WHERE id = new.id;
END;
CREATE TRIGGER authorizers_search_update AFTER UPDATE OF search_text ON authorizers WHEN old.search_text <> new.search_text BEGIN
  UPDATE authorizers_search SET search_text = new.search_text WHERE rowid = (SELECT number FROM authorizers_search_rows WHERE id = new.id);
END;
CREATE TRIGGER authorizers_search_delete AFTER DELETE ON authorizers BEGIN
  DELETE FROM authorizers_search WHERE rowid = (SELECT number FROM authorizers_search_rows WHERE id = old.id);
  DELETE FROM authorizers_search_rows WHERE id = old.id;
END;

CREATE TABLE drafts (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  service TEXT NOT NULL,
  -- Everything typed, the secrets too, sealed as one piece and bound to this row.
  sealed BLOB NOT NULL,
  sealed_key TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX drafts_by_user ON drafts (user_id);
CREATE INDEX drafts_by_end ON drafts (expires_at);

CREATE TABLE attempts (
  id TEXT NOT NULL PRIMARY KEY,
  -- SHA-256 of the state parameter.
  state_hash TEXT NOT NULL UNIQUE,
  -- SHA-256 of the browser's cookie.
  browser_hash TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  service TEXT NOT NULL,
  auth TEXT NOT NULL,
  authorizer_id TEXT REFERENCES authorizers (id) ON DELETE CASCADE,
  oauth_app_id TEXT REFERENCES oauth_apps (id) ON DELETE CASCADE,
  draft_id TEXT REFERENCES drafts (id) ON DELETE SET NULL,
  name TEXT NOT NULL,
  -- PKCE verifier, typed fields and, for another account, its tokens: sealed as one piece and bound to this row.
  sealed BLOB,
  sealed_key TEXT,
  state TEXT NOT NULL,
  cause TEXT,
  detail TEXT,
  missing_scopes TEXT NOT NULL,
  result_authorizer_id TEXT REFERENCES authorizers (id) ON DELETE SET NULL,
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
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  name_folded TEXT NOT NULL UNIQUE,
  service TEXT NOT NULL,
  authorizer_id TEXT NOT NULL REFERENCES authorizers (id) ON DELETE RESTRICT,
  settings TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_by_id TEXT REFERENCES users (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX sources_by_authorizer ON sources (authorizer_id);
CREATE INDEX sources_by_service ON sources (service, name_folded);
CREATE INDEX sources_by_creator ON sources (created_by_id);

CREATE TABLE destinations (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  name_folded TEXT NOT NULL UNIQUE,
  service TEXT NOT NULL,
  authorizer_id TEXT NOT NULL REFERENCES authorizers (id) ON DELETE RESTRICT,
  settings TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_by_id TEXT REFERENCES users (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX destinations_by_authorizer ON destinations (authorizer_id);
CREATE INDEX destinations_by_service ON destinations (service, name_folded);
CREATE INDEX destinations_by_creator ON destinations (created_by_id);

-- Tests of authorizers, finished or running; the history of the authorizer's page.
CREATE TABLE tests (
  id TEXT NOT NULL PRIMARY KEY,
  authorizer_id TEXT NOT NULL REFERENCES authorizers (id) ON DELETE CASCADE,
  started_by_id TEXT REFERENCES users (id) ON DELETE SET NULL,
  started_by_name TEXT NOT NULL,
  -- running, passed, failed
  state TEXT NOT NULL,
  steps TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  finished_at BIGINT
);
CREATE INDEX tests_by_authorizer ON tests (authorizer_id, started_at);
CREATE INDEX tests_by_starter ON tests (started_by_id);

CREATE TABLE account_requests (
  id TEXT NOT NULL PRIMARY KEY,
  service TEXT NOT NULL,
  note TEXT NOT NULL,
  state TEXT NOT NULL,
  requested_by_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  answered_by_id TEXT REFERENCES users (id) ON DELETE SET NULL,
  answer TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  answered_at BIGINT
);
CREATE INDEX account_requests_by_state ON account_requests (state, created_at);
CREATE INDEX account_requests_by_requester ON account_requests (requested_by_id);
CREATE INDEX account_requests_by_answerer ON account_requests (answered_by_id);

-- What happened. No foreign keys on purpose: a line outlives what it tells of.
CREATE TABLE activity (
  id TEXT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  actor TEXT,
  actor_name TEXT NOT NULL,
  verb TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  subject_name TEXT NOT NULL,
  note TEXT NOT NULL
);
CREATE INDEX activity_by_time ON activity (at, id);
CREATE INDEX activity_by_subject ON activity (subject_kind, subject, at, id);
CREATE INDEX activity_by_actor ON activity (actor, at, id);
CREATE INDEX activity_by_verb ON activity (verb, at, id);

-- Facts about this installation: the sealed sentinels that prove a key right, the hash of the set-up code.
CREATE TABLE facts (
  name TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL,
  updated_at BIGINT NOT NULL
);
