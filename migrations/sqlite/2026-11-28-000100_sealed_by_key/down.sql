DROP INDEX authorizers_by_sealed_key;
