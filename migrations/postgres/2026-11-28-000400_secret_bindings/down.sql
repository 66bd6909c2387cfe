DROP INDEX authorizers_unbound;
ALTER TABLE oauth_apps DROP COLUMN bound_destinations;
ALTER TABLE authorizers DROP COLUMN bound_fields;
ALTER TABLE authorizers DROP COLUMN bound_destinations;
