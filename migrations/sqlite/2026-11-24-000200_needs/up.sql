-- The permissions that a test looked for: of the service, and of each source and destination that uses the account.
ALTER TABLE tests ADD COLUMN needs TEXT NOT NULL DEFAULT '[]';
