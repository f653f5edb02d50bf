SELECT
  source,
  target
FROM profile_edges
WHERE
  kind = 'alias'
UNION
SELECT
  target AS source,
  source AS target
FROM profile_edges
WHERE
  kind = 'alias'
UNION
SELECT
  source,
  source AS target
FROM profile_edges
WHERE
  kind = 'alias'
UNION
SELECT
  target AS source,
  target
FROM profile_edges
WHERE
  kind = 'alias'
