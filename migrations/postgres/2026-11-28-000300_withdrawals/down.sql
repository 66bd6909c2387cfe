ALTER TABLE activity DROP COLUMN service;
UPDATE authorizers SET revocation = revocation || ': ' || revocation_detail WHERE revocation_detail IS NOT NULL;
ALTER TABLE authorizers DROP COLUMN revocation_detail;
ALTER TABLE authorizers DROP COLUMN refresh_refusals;
DROP INDEX attempts_by_grant;
ALTER TABLE attempts DROP COLUMN grant_until;
ALTER TABLE attempts DROP COLUMN taken_at;
DROP TABLE withdrawals;
