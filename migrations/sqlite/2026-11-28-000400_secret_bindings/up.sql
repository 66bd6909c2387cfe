-- Where the service file let the secrets go when they were typed, and which fields were filled in: lists in JSON. NULL: not
-- recorded yet.
ALTER TABLE authorizers ADD COLUMN bound_destinations TEXT;
ALTER TABLE authorizers ADD COLUMN bound_fields TEXT;
ALTER TABLE oauth_apps ADD COLUMN bound_destinations TEXT;
CREATE INDEX authorizers_unbound ON authorizers (id) WHERE bound_destinations IS NULL AND sealed IS NOT NULL;
