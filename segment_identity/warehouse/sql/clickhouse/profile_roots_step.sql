WITH reached AS (
  SELECT
    neighbours.source AS source,
    own.root AS own_root,
    beyond.root AS root
  FROM profile_neighbours AS neighbours
  JOIN profile_roots AS own
    ON own.segment_id = neighbours.source
  JOIN profile_roots AS near
    ON near.segment_id = neighbours.target
  JOIN profile_roots AS beyond
    ON beyond.segment_id = near.root
), candidates AS (
  SELECT
    source AS segment_id,
    root
  FROM reached
  UNION ALL
  SELECT
    own_root AS segment_id,
    root
  FROM reached
)
SELECT
  segment_id,
  MIN(root) AS root
FROM candidates
GROUP BY
  segment_id
