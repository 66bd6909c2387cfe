-- Grants that are to be taken away at their service: each one is asked for until it is known what became of it.
CREATE TABLE withdrawals (
  id TEXT NOT NULL PRIMARY KEY,
  service TEXT NOT NULL,
  auth TEXT NOT NULL,
  -- NULL once it is deleted, and for a grant that never became an authorizer; the name stays.
  authorizer_id TEXT REFERENCES authorizers (id) ON DELETE SET NULL,
  oauth_app_id TEXT REFERENCES oauth_apps (id) ON DELETE SET NULL,
  -- What lines of activity are about, also when it is gone.
  subject_kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  identity_key TEXT NOT NULL,
  reason TEXT NOT NULL,
  -- Of the last try.
  outcome TEXT,
  detail TEXT,
  tries INTEGER NOT NULL,
  -- NULL once it is over; then the sealed credentials are gone.
  next_try_at BIGINT,
  sealed BLOB,
  sealed_key TEXT,
  requested_by_id TEXT REFERENCES users (id) ON DELETE SET NULL,
  requested_by_name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  finished_at BIGINT
);
CREATE INDEX withdrawals_by_authorizer ON withdrawals (authorizer_id, created_at);
CREATE INDEX withdrawals_by_app ON withdrawals (oauth_app_id);
CREATE INDEX withdrawals_by_requester ON withdrawals (requested_by_id);
CREATE INDEX withdrawals_by_next_try ON withdrawals (next_try_at);
CREATE INDEX withdrawals_by_finish ON withdrawals (finished_at);

-- When a callback took the attempt, and how long the grant that it brought is kept.
ALTER TABLE attempts ADD COLUMN taken_at BIGINT;
ALTER TABLE attempts ADD COLUMN grant_until BIGINT;
CREATE INDEX attempts_by_grant ON attempts (grant_until);

-- Refusals of a renewal that gave no reason, since the last one that succeeded.
ALTER TABLE authorizers ADD COLUMN refresh_refusals INTEGER NOT NULL DEFAULT 0;

-- The outcome of a revocation is a code; the service's own words stand beside it.
ALTER TABLE authorizers ADD COLUMN revocation_detail TEXT;
UPDATE authorizers
SET revocation_detail = substr(revocation, instr(revocation, ': ') + 2),
    revocation = substr(revocation, 1, instr(revocation, ': ') - 1)
WHERE revocation LIKE '%: %';

-- The service that a line is about, where nothing else says it.
ALTER TABLE activity ADD COLUMN service TEXT;

-- "The token has run out" was also said of tokens that could have been renewed: those are tried once more.
UPDATE authorizers SET next_try_at = updated_at
WHERE lifecycle = 'active' AND health = 'needs_reauthorization' AND cause = 'token_expired'
  AND oauth_app_id IS NOT NULL AND next_try_at IS NULL;
