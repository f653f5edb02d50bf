-- Every call with the person it belongs to, who may have been anonymous then. A user id decides
-- before a device does; one that nobody can have, such as `null`, decides nothing.
WITH graph AS (
  SELECT type, value, canonical_segment_id, user_id FROM id_graph
)
SELECT
  calls.id AS id,
  calls.type AS type,
  calls.name AS name,
  calls.anonymous_id AS anonymous_id,
  calls.user_id AS user_id,
  calls.timestamp AS timestamp,
  CASE
    WHEN person.value = calls.user_id THEN person.canonical_segment_id
    WHEN device.value = calls.anonymous_id THEN device.canonical_segment_id
    ELSE NULL
  END AS canonical_segment_id,
  CASE
    WHEN person.value = calls.user_id THEN person.user_id
    WHEN device.value = calls.anonymous_id THEN device.user_id
    ELSE NULL
  END AS attributed_user_id
FROM profile_calls AS calls
LEFT JOIN graph AS person ON person.type = 'user_id' AND person.value = calls.user_id
LEFT JOIN graph AS device ON device.type = 'anonymous_id' AND device.value = calls.anonymous_id
