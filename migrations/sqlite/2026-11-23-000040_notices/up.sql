-- What people and webhooks are told of: the event is written with the change it tells of, its deliveries follow.
CREATE TABLE notices (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  -- One event, one row: two processes that see it write it once.
  dedupe TEXT NOT NULL UNIQUE,
  authorizer_id TEXT REFERENCES authorizers (id) ON DELETE SET NULL,
  oauth_app_id TEXT REFERENCES oauth_apps (id) ON DELETE SET NULL,
  service TEXT NOT NULL,
  name TEXT NOT NULL,
  cause TEXT,
  ends_at BIGINT,
  created_at BIGINT NOT NULL,
  -- When its deliveries were made.
  spread_at BIGINT
);
CREATE INDEX notices_by_spread ON notices (spread_at, created_at);
CREATE INDEX notices_by_authorizer ON notices (authorizer_id, kind, created_at);
CREATE INDEX notices_by_app ON notices (oauth_app_id, kind, created_at);
CREATE INDEX notices_by_time ON notices (created_at);

CREATE TABLE webhooks (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  -- Signs; sealed and bound to this row.
  secret BLOB NOT NULL,
  secret_key TEXT NOT NULL,
  topics TEXT NOT NULL,
  is_active BOOLEAN NOT NULL,
  is_gone BOOLEAN NOT NULL,
  version BIGINT NOT NULL,
  created_by_id TEXT REFERENCES users (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX webhooks_by_creator ON webhooks (created_by_id);

-- The outbox: a row for each notice and person, or each notice and webhook.
CREATE TABLE deliveries (
  id TEXT NOT NULL PRIMARY KEY,
  notice_id TEXT NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
  user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
  webhook_id TEXT REFERENCES webhooks (id) ON DELETE CASCADE,
  state TEXT NOT NULL,
  tries INTEGER NOT NULL,
  next_try_at BIGINT NOT NULL,
  -- Deliveries that go in one mail share it. It is in the Message-ID, so a mail that is sent again can be told to be the same.
  letter TEXT,
  claimed_by TEXT,
  claimed_until BIGINT,
  tried_at BIGINT,
  status INTEGER,
  said TEXT,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX deliveries_to_person ON deliveries (notice_id, user_id);
CREATE UNIQUE INDEX deliveries_to_webhook ON deliveries (notice_id, webhook_id);
CREATE INDEX deliveries_by_due ON deliveries (state, next_try_at);
CREATE INDEX deliveries_by_user ON deliveries (user_id, created_at, id);
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, created_at, id);
CREATE INDEX deliveries_by_letter ON deliveries (letter);

-- What one person wants to be told of by mail. Whoever has no row has the defaults.
CREATE TABLE notice_settings (
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  mode TEXT NOT NULL,
  topics TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX notice_settings_by_user ON notice_settings (user_id);
