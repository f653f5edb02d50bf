SELECT
  source AS segment_id,
  MIN(target) AS root
FROM profile_neighbours
GROUP BY
  source
