-- Why it ends (consent, answer, token, certificate, idle); NULL when no end is known, or from an older version.
ALTER TABLE authorizers ADD COLUMN end_reason TEXT;
-- When a person last consented: a consent's life is counted from here, whatever was renewed since.
ALTER TABLE authorizers ADD COLUMN consented_at BIGINT;
-- When it would end if nobody renewed it any more. No end while renewing works: it moves with each renewal.
ALTER TABLE authorizers ADD COLUMN idle_ends_at BIGINT;
UPDATE authorizers SET ends_at = 9007199254740991, end_kind = 'unknown' WHERE lifecycle = 'revoked';

-- The order by end: alone (what counts it reads the index only), with a badge, with a service.
DROP INDEX authorizers_by_end;
CREATE INDEX authorizers_by_end ON authorizers (ends_at, id, attention);
CREATE INDEX authorizers_by_attention_end ON authorizers (attention, ends_at, id);
CREATE INDEX authorizers_by_service_end ON authorizers (service, ends_at, id);

-- Secret addresses of calendars, one a person.
CREATE TABLE calendar_feeds (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  token_hash TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX calendar_feeds_by_user ON calendar_feeds (user_id);

-- How often the same happened, and when last: what a machine does again and again is one line.
ALTER TABLE activity ADD COLUMN times BIGINT NOT NULL DEFAULT 1;
ALTER TABLE activity ADD COLUMN last_at BIGINT;
CREATE INDEX activity_by_kind ON activity (subject_kind, at, id);
CREATE INDEX tests_by_start ON tests (started_at);
