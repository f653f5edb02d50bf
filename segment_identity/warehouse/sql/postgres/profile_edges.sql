WITH aliases AS (
  SELECT
    a.previous_id AS previous_id,
    a.user_id AS user_id,
    a.first_moment AS first_moment,
    a.last_moment AS last_moment,
    CASE
      WHEN pu.value = a.previous_id
      THEN 'user_id'
      WHEN pd.value = a.previous_id
      THEN 'anonymous_id'
      ELSE 'user_id'
    END AS previous_type,
    CASE
      WHEN uu.value = a.user_id
      THEN 'user_id'
      WHEN ud.value = a.user_id
      THEN 'anonymous_id'
      ELSE 'user_id'
    END AS user_type
  FROM profile_aliases AS a
  LEFT JOIN profile_ids AS pu
    ON pu.type = 'user_id' AND pu.value = a.previous_id
  LEFT JOIN profile_ids AS pd
    ON pd.type = 'anonymous_id' AND pd.value = a.previous_id
  LEFT JOIN profile_ids AS uu
    ON uu.type = 'user_id' AND uu.value = a.user_id
  LEFT JOIN profile_ids AS ud
    ON ud.type = 'anonymous_id' AND ud.value = a.user_id
  WHERE
    SUBSTRING(a.previous_id FROM 1 FOR 13) <> 'anonymous_id:'
)
SELECT
  'link' AS kind,
  'anonymous_id:' || anonymous_id AS source,
  'user_id:' || user_id AS target,
  first_moment,
  last_moment
FROM profile_links
UNION ALL
SELECT
  'link' AS kind,
  'anonymous_id:' || CASE WHEN previous_type = 'user_id' THEN user_id ELSE previous_id END AS source,
  'user_id:' || CASE WHEN previous_type = 'user_id' THEN previous_id ELSE user_id END AS target,
  first_moment,
  last_moment
FROM aliases
WHERE
  previous_type <> user_type
UNION ALL
SELECT
  'alias' AS kind,
  previous_type || ':' || previous_id AS source,
  user_type || ':' || user_id AS target,
  first_moment,
  last_moment
FROM aliases
WHERE
  previous_type = user_type
UNION ALL
SELECT
  'alias' AS kind,
  previous_id AS source,
  user_id AS target,
  first_moment,
  last_moment
FROM profile_aliases
WHERE
  SUBSTRING(previous_id FROM 1 FOR 13) = 'anonymous_id:'
