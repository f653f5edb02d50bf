SELECT
  source,
  target
FROM profile_edges
WHERE
  kind = 'alias'
UNION DISTINCT
SELECT
  target AS source,
  source AS target
FROM profile_edges
WHERE
  kind = 'alias'
UNION DISTINCT
SELECT
  source,
  source AS target
FROM profile_edges
WHERE
  kind = 'alias'
UNION DISTINCT
SELECT
  target AS source,
  target
FROM profile_edges
WHERE
  kind = 'alias'
