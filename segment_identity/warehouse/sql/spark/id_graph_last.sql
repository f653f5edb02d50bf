WITH placed AS (
  SELECT
    nodes.segment_id AS segment_id,
    nodes.type AS type,
    nodes.value AS value,
    nodes.first_moment AS first_moment,
    CASE
      WHEN roots.segment_id = nodes.segment_id
      THEN roots.root
      ELSE nodes.segment_id
    END AS root
  FROM profile_nodes AS nodes
  LEFT JOIN profile_roots AS roots
    ON roots.segment_id = nodes.segment_id
), links AS (
  SELECT
    device.root AS device,
    person.root AS person,
    ROW_NUMBER() OVER (PARTITION BY device.root ORDER BY edges.last_moment DESC, person.value NULLS LAST) AS place
  FROM profile_edges AS edges
  JOIN placed AS device
    ON device.segment_id = edges.source
  JOIN placed AS person
    ON person.segment_id = edges.target
  WHERE
    edges.kind = 'link'
), homes AS (
  SELECT
    placed.segment_id AS segment_id,
    placed.type AS type,
    placed.value AS value,
    placed.first_moment AS first_moment,
    CASE WHEN links.device = placed.root THEN links.person ELSE placed.root END AS home
  FROM placed
  LEFT JOIN links
    ON links.device = placed.root AND links.place = 1
), ranked AS (
  SELECT
    home,
    segment_id,
    type,
    value,
    ROW_NUMBER() OVER (
      PARTITION BY home
      ORDER BY CASE WHEN type = 'user_id' THEN 0 ELSE 1 END NULLS LAST, first_moment NULLS LAST, value NULLS LAST
    ) AS place
  FROM homes
)
SELECT
  homes.segment_id AS segment_id,
  ranked.segment_id AS canonical_segment_id,
  homes.type AS type,
  homes.value AS value,
  CASE WHEN ranked.type = 'user_id' THEN ranked.value ELSE NULL END AS user_id,
  homes.first_moment AS first_moment
FROM homes
JOIN ranked
  ON ranked.home = homes.home AND ranked.place = 1
