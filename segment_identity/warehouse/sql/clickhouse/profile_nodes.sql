SELECT
  type || ':' || value AS segment_id,
  type,
  value,
  first_moment
FROM profile_ids
UNION ALL
SELECT
  'user_id:' || aliases.previous_id AS segment_id,
  'user_id' AS type,
  aliases.previous_id AS value,
  MIN(aliases.first_moment) AS first_moment
FROM profile_aliases AS aliases
WHERE
  NOT (
    aliases.previous_id IN (
      SELECT
        value
      FROM profile_ids
    )
  )
  AND SUBSTRING(aliases.previous_id, 1, 13) <> 'anonymous_id:'
GROUP BY
  aliases.previous_id
