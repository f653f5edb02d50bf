SELECT
  type || ':' || value AS segment_id,
  type,
  value,
  first_moment
FROM profile_ids
UNION ALL
SELECT
  'user_id:' || previous_id AS segment_id,
  'user_id' AS type,
  previous_id AS value,
  MIN(first_moment) AS first_moment
FROM profile_aliases
WHERE
  NOT previous_id IN (
    SELECT
      value
    FROM profile_ids
  )
GROUP BY
  previous_id
