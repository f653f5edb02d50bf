-- ClickHouse keeps the facts by itself: whatever is inserted into profile_incoming, from Kafka or
-- in batches, in any order and however often, widens the rows of profile_ids, profile_links and
-- profile_aliases. On these the SELECTs in sql/clickhouse say who is who.
--
-- moment is the UTC time with milliseconds, '|' and the messageId, as in '2026-01-31T12:00:00.000Z|m-1'.

CREATE TABLE IF NOT EXISTS profile_incoming (
  type LowCardinality(String),
  anonymous_id Nullable(String),
  user_id Nullable(String),
  previous_id Nullable(String),
  moment String
) ENGINE = Null;

-- What broken clients send for everybody is nobody's id.
CREATE OR REPLACE FUNCTION profile_id AS (id) -> if(
  match(trim(BOTH ' \t"''()[]{}<>' FROM ifNull(id, '')), '^[0-]*$')
  OR replaceAll(lower(trim(BOTH ' \t"''()[]{}<>' FROM ifNull(id, ''))), ' ', '') IN (
    'null', 'undefined', 'none', 'nil', 'nan', 'true', 'false', 'anonymous', 'guest', 'unknown', 'id',
    'email', 'distinct_id', 'distinctid', 'user_id', 'userid', 'anonymous_id', 'anonymousid',
    'not_authenticated', 'n/a', '-1', 'objectobject'
  )
  OR match(ifNull(id, ''), '[\\x00-\\x1f\\x7f]')
  OR length(ifNull(id, '')) > 350,
  '',
  ifNull(id, '')
);

CREATE TABLE IF NOT EXISTS profile_ids_kept (
  type LowCardinality(String),
  value String,
  first_moment SimpleAggregateFunction(min, String)
) ENGINE = AggregatingMergeTree ORDER BY (type, value);

CREATE TABLE IF NOT EXISTS profile_links_kept (
  anonymous_id String,
  user_id String,
  first_moment SimpleAggregateFunction(min, String),
  last_moment SimpleAggregateFunction(max, String)
) ENGINE = AggregatingMergeTree ORDER BY (anonymous_id, user_id);

CREATE TABLE IF NOT EXISTS profile_aliases_kept (
  previous_id String,
  user_id String,
  first_moment SimpleAggregateFunction(min, String),
  last_moment SimpleAggregateFunction(max, String)
) ENGINE = AggregatingMergeTree ORDER BY (previous_id, user_id);

CREATE MATERIALIZED VIEW IF NOT EXISTS profile_devices_feed TO profile_ids_kept AS
SELECT 'anonymous_id' AS type, profile_id(incoming.anonymous_id) AS value, min(moment) AS first_moment
FROM profile_incoming AS incoming
WHERE profile_id(incoming.anonymous_id) <> ''
GROUP BY value;

-- By an alias to itself a device tells that it had another id for a short while.
CREATE MATERIALIZED VIEW IF NOT EXISTS profile_short_lived_feed TO profile_ids_kept AS
SELECT 'anonymous_id' AS type, profile_id(incoming.previous_id) AS value, min(moment) AS first_moment
FROM profile_incoming AS incoming
WHERE incoming.type = 'alias'
  AND profile_id(incoming.previous_id) <> ''
  AND profile_id(incoming.anonymous_id) <> ''
  AND incoming.user_id = incoming.anonymous_id
  AND incoming.previous_id <> incoming.user_id
GROUP BY value;

CREATE MATERIALIZED VIEW IF NOT EXISTS profile_users_feed TO profile_ids_kept AS
SELECT 'user_id' AS type, profile_id(incoming.user_id) AS value, min(moment) AS first_moment
FROM profile_incoming AS incoming
WHERE profile_id(incoming.user_id) <> ''
  AND NOT (incoming.type = 'alias' AND ifNull(incoming.user_id, '') = ifNull(incoming.anonymous_id, ''))
GROUP BY value;

CREATE MATERIALIZED VIEW IF NOT EXISTS profile_links_feed TO profile_links_kept AS
SELECT
  profile_id(incoming.anonymous_id) AS anonymous_id,
  profile_id(incoming.user_id) AS user_id,
  min(moment) AS first_moment,
  max(moment) AS last_moment
FROM profile_incoming AS incoming
WHERE (
    incoming.type <> 'alias'
    -- An alias of the device it comes from.
    OR (incoming.previous_id = incoming.anonymous_id AND incoming.user_id <> incoming.anonymous_id)
  )
  AND profile_id(incoming.anonymous_id) <> ''
  AND profile_id(incoming.user_id) <> ''
GROUP BY anonymous_id, user_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS profile_aliases_feed TO profile_aliases_kept AS
SELECT
  profile_id(incoming.previous_id) AS previous_id,
  profile_id(incoming.user_id) AS user_id,
  min(moment) AS first_moment,
  max(moment) AS last_moment
FROM profile_incoming AS incoming
WHERE incoming.type = 'alias'
  AND profile_id(incoming.previous_id) <> ''
  AND profile_id(incoming.user_id) <> ''
  AND ifNull(incoming.previous_id, '') <> ifNull(incoming.user_id, '')
  AND ifNull(incoming.anonymous_id, '') NOT IN (
    ifNull(incoming.previous_id, ''), ifNull(incoming.user_id, '')
  )
  AND NOT startsWith(ifNull(incoming.previous_id, ''), 'anonymous_id:')
  AND NOT startsWith(ifNull(incoming.user_id, ''), 'anonymous_id:')
GROUP BY previous_id, user_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS profile_same_device_feed TO profile_aliases_kept AS
SELECT
  concat('anonymous_id:', profile_id(incoming.previous_id)) AS previous_id,
  concat('anonymous_id:', profile_id(incoming.user_id)) AS user_id,
  min(moment) AS first_moment,
  max(moment) AS last_moment
FROM profile_incoming AS incoming
WHERE incoming.type = 'alias'
  AND profile_id(incoming.previous_id) <> ''
  AND profile_id(incoming.user_id) <> ''
  AND ifNull(incoming.previous_id, '') <> ifNull(incoming.user_id, '')
  AND ifNull(incoming.user_id, '') = ifNull(incoming.anonymous_id, '')
GROUP BY previous_id, user_id;

CREATE VIEW IF NOT EXISTS profile_ids AS
SELECT kept.type AS type, kept.value AS value, min(kept.first_moment) AS first_moment
FROM profile_ids_kept AS kept
GROUP BY kept.type, kept.value;

CREATE VIEW IF NOT EXISTS profile_links AS
SELECT
  kept.anonymous_id AS anonymous_id,
  kept.user_id AS user_id,
  min(kept.first_moment) AS first_moment,
  max(kept.last_moment) AS last_moment
FROM profile_links_kept AS kept
GROUP BY kept.anonymous_id, kept.user_id;

CREATE VIEW IF NOT EXISTS profile_aliases AS
SELECT
  kept.previous_id AS previous_id,
  kept.user_id AS user_id,
  min(kept.first_moment) AS first_moment,
  max(kept.last_moment) AS last_moment
FROM profile_aliases_kept AS kept
GROUP BY kept.previous_id, kept.user_id
