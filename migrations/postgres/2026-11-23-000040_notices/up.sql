-- What people and webhooks are told of: the event is written with the change it tells of, its deliveries follow.
CREATE TABLE notices (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  kind TEXT COLLATE "C" NOT NULL,
  -- One event, one row: two processes that see it write it once.
  dedupe TEXT COLLATE "C" NOT NULL UNIQUE,
  authorizer_id TEXT COLLATE "C" REFERENCES authorizers (id) ON DELETE SET NULL,
  oauth_app_id TEXT COLLATE "C" REFERENCES oauth_apps (id) ON DELETE SET NULL,
  service TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  cause TEXT COLLATE "C",
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
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  url TEXT COLLATE "C" NOT NULL,
  -- Signs; sealed and bound to this row.
  secret BYTEA NOT NULL,
  secret_key TEXT COLLATE "C" NOT NULL,
  topics TEXT COLLATE "C" NOT NULL,
  is_active BOOLEAN NOT NULL,
  is_gone BOOLEAN NOT NULL,
  version BIGINT NOT NULL,
  created_by_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX webhooks_by_creator ON webhooks (created_by_id);

-- The outbox: a row for each notice and person, or each notice and webhook.
CREATE TABLE deliveries (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  notice_id TEXT COLLATE "C" NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
  user_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE CASCADE,
  webhook_id TEXT COLLATE "C" REFERENCES webhooks (id) ON DELETE CASCADE,
  state TEXT COLLATE "C" NOT NULL,
  tries INTEGER NOT NULL,
  next_try_at BIGINT NOT NULL,
  -- Deliveries that go in one mail share it. It is in the Message-ID, so a mail that is sent again can be told to be the same.
  letter TEXT COLLATE "C",
  claimed_by TEXT COLLATE "C",
  claimed_until BIGINT,
  tried_at BIGINT,
  status INTEGER,
  said TEXT COLLATE "C",
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
  user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  mode TEXT COLLATE "C" NOT NULL,
  topics TEXT COLLATE "C" NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX notice_settings_by_user ON notice_settings (user_id);
