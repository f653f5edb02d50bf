SELECT
  edges.source AS source,
  edges.target AS target
FROM profile_edges AS edges
WHERE
  edges.kind = 'alias'
UNION
SELECT
  edges.target AS source,
  edges.source AS target
FROM profile_edges AS edges
WHERE
  edges.kind = 'alias'
UNION
SELECT
  edges.source AS source,
  edges.source AS target
FROM profile_edges AS edges
WHERE
  edges.kind = 'alias'
UNION
SELECT
  edges.target AS source,
  edges.target AS target
FROM profile_edges AS edges
WHERE
  edges.kind = 'alias'
