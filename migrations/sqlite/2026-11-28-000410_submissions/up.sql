-- Forms that were sent a moment ago, and how they were answered: the same form sent twice gets the same answer. The id is a hash of
-- the form; the answer is sealed, and forgotten within minutes.
CREATE TABLE submissions (
  id TEXT PRIMARY KEY NOT NULL,
  started_at BIGINT NOT NULL,
  answered_at BIGINT,
  sealed BLOB,
  sealed_key TEXT
);
CREATE INDEX submissions_by_start ON submissions (started_at);
