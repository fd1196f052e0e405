-- One row: how many points lie in a box, counted up to one more than {most}.
SELECT count(*) FROM (SELECT FROM {source} AS thing WHERE {inside} AND {where} LIMIT %(most)s + 1) AS met
