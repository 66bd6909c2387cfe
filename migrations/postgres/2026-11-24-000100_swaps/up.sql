-- One account in the place of another, everywhere: what was checked, what was replaced, and what can be undone.
CREATE TABLE swaps (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  service TEXT COLLATE "C" NOT NULL,
  -- NULL once it is deleted, which is often why it was replaced; the name stays.
  from_authorizer_id TEXT COLLATE "C" REFERENCES authorizers (id) ON DELETE SET NULL,
  from_name TEXT COLLATE "C" NOT NULL,
  to_authorizer_id TEXT COLLATE "C" REFERENCES authorizers (id) ON DELETE SET NULL,
  to_name TEXT COLLATE "C" NOT NULL,
  -- Of the account that takes over, as it was checked.
  to_version BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  started_by_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
  started_by_name TEXT COLLATE "C" NOT NULL,
  started_at BIGINT NOT NULL,
  replaced_at BIGINT
);
CREATE INDEX swaps_by_from ON swaps (from_authorizer_id, replaced_at);
CREATE INDEX swaps_by_to ON swaps (to_authorizer_id, replaced_at);
CREATE INDEX swaps_by_starter ON swaps (started_by_id);
CREATE INDEX swaps_by_start ON swaps (started_at);

CREATE TABLE swap_flows (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  swap_id TEXT COLLATE "C" NOT NULL REFERENCES swaps (id) ON DELETE CASCADE,
  kind TEXT COLLATE "C" NOT NULL,
  flow TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  -- Of the source or destination, as it was checked.
  version BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  steps TEXT COLLATE "C" NOT NULL,
  -- The version that replacing left: what was edited after it is not undone.
  replaced_version BIGINT
);
CREATE UNIQUE INDEX swap_flows_by_swap ON swap_flows (swap_id, kind, flow);
