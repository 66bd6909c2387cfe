-- One account in the place of another, everywhere: what was checked, what was replaced, and what can be undone.
CREATE TABLE swaps (
  id TEXT NOT NULL PRIMARY KEY,
  service TEXT NOT NULL,
  -- NULL once it is deleted, which is often why it was replaced; the name stays.
  from_authorizer_id TEXT REFERENCES authorizers (id) ON DELETE SET NULL,
  from_name TEXT NOT NULL,
  to_authorizer_id TEXT REFERENCES authorizers (id) ON DELETE SET NULL,
  to_name TEXT NOT NULL,
  -- Of the account that takes over, as it was checked.
  to_version BIGINT NOT NULL,
  state TEXT NOT NULL,
  started_by_id TEXT REFERENCES users (id) ON DELETE SET NULL,
  started_by_name TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  replaced_at BIGINT
);
CREATE INDEX swaps_by_from ON swaps (from_authorizer_id, replaced_at);
CREATE INDEX swaps_by_to ON swaps (to_authorizer_id, replaced_at);
CREATE INDEX swaps_by_starter ON swaps (started_by_id);
CREATE INDEX swaps_by_start ON swaps (started_at);

CREATE TABLE swap_flows (
  id TEXT NOT NULL PRIMARY KEY,
  swap_id TEXT NOT NULL REFERENCES swaps (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  flow TEXT NOT NULL,
  name TEXT NOT NULL,
  -- Of the source or destination, as it was checked.
  version BIGINT NOT NULL,
  state TEXT NOT NULL,
  steps TEXT NOT NULL,
  -- The version that replacing left: what was edited after it is not undone.
  replaced_version BIGINT
);
CREATE UNIQUE INDEX swap_flows_by_swap ON swap_flows (swap_id, kind, flow);
