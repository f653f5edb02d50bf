-- Where there is no recursion: the first of several rounds to `profile_roots`.
SELECT source AS segment_id, MIN(target) AS root
FROM profile_neighbours
GROUP BY source
