-- Which keys are needed is asked at each start, and which authorizers a lost key seals.
CREATE INDEX authorizers_by_sealed_key ON authorizers (sealed_key, id);
