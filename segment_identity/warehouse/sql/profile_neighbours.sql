-- Ids that an alias joins, in both directions, and each with itself. Columns have their tables'
-- names, as ClickHouse would take `source` in `target AS source, source AS target` for the new one.
SELECT edges.source AS source, edges.target AS target FROM profile_edges AS edges
WHERE edges.kind = 'alias'
UNION
SELECT edges.target AS source, edges.source AS target FROM profile_edges AS edges
WHERE edges.kind = 'alias'
UNION
SELECT edges.source AS source, edges.source AS target FROM profile_edges AS edges
WHERE edges.kind = 'alias'
UNION
SELECT edges.target AS source, edges.target AS target FROM profile_edges AS edges
WHERE edges.kind = 'alias'
