SELECT
  canonical_segment_id,
  user_id,
  SUBSTRING(MIN(first_moment), 1, 24) AS first_seen,
  SUBSTRING(MIN(CASE WHEN type = 'user_id' THEN first_moment ELSE NULL END), 1, 24) AS known_since,
  SUM(CASE WHEN type = 'user_id' THEN 1 ELSE 0 END) AS user_ids,
  SUM(CASE WHEN type = 'anonymous_id' THEN 1 ELSE 0 END) AS anonymous_ids
FROM id_graph
GROUP BY
  canonical_segment_id,
  user_id
