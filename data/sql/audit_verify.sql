-- One row: how many rows the chain has, and the number of the first one that does not fit (null when all do).
SELECT count(*) AS rows, min(id) FILTER (WHERE NOT sound) AS broken
FROM (
    SELECT id,
           id = row_number() OVER (ORDER BY id)
           AND previous = coalesce(lag(digest) OVER (ORDER BY id), decode(repeat('00', 32), 'hex'))
           AND digest = wangge_private.audit_digest(audit_log.*) AS sound
    FROM audit_log
) AS link
