WITH RECURSIVE neighbours AS (
  SELECT
    source,
    target
  FROM profile_neighbours
), reached(root, segment_id) AS (
  SELECT
    source AS root,
    source AS segment_id
  FROM neighbours
  GROUP BY
    source
  HAVING
    MIN(target) = source
  UNION
  SELECT
    reached.root AS root,
    neighbours.target AS segment_id
  FROM reached
  JOIN neighbours
    ON neighbours.source = reached.segment_id AND neighbours.target > reached.root
)
SELECT
  segment_id,
  MIN(root) AS root
FROM reached
GROUP BY
  segment_id
