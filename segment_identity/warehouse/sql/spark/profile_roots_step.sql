SELECT
  neighbours.source AS segment_id,
  MIN(beyond.root) AS root
FROM profile_neighbours AS neighbours
JOIN profile_roots AS near
  ON near.segment_id = neighbours.target
JOIN profile_roots AS beyond
  ON beyond.segment_id = near.root
GROUP BY
  neighbours.source
