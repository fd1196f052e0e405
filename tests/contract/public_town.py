"""What the town shows to everybody: 1,200 facilities, reports in both streets, runs of coverage, one of a scenario."""

from __future__ import annotations

from sqlalchemy import text

import data.db

FACILITIES = 1200
SECRET = "王秀英13812345678"

#: A grid of 40 x 30 points over the two streets; every third is a clinic, the others are canteens.
ADD_FACILITIES = """
    INSERT INTO facility (id, name, kind, geom, capacity, street_code, community_code, grid_code, synthetic)
    SELECT 'F-' || lpad(n::text, 4, '0'), '饭堂' || n, CASE n % 3 WHEN 0 THEN 'clinic' ELSE 'canteen' END,
           ST_SetSRID(ST_MakePoint(113.20 + (n % 40) * 0.0005, 23.10 + (n / 40) * 0.0006), 4326), n % 100,
           CASE WHEN n % 40 < 20 THEN 'A' ELSE 'B' END, NULL, NULL, true
    FROM generate_series(0, 1199) AS n"""
ADD_REPORTS = """
    INSERT INTO report (client_id, category, status, geom, captured_at, received_at, text, household_id, street_code,
                        community_code, grid_code, synthetic)
    SELECT label, category, status, ST_SetSRID(ST_MakePoint(lon, lat), 4326), at::timestamptz, at::timestamptz, :secret,
           household, street, community, grid, true
    FROM (VALUES
        ('own', 'handrail', 'received', 113.20512, 23.10234, '2026-01-05T10:15+08:00', NULL, 'A', 'A0', 'A00'),
        ('neighbour', 'litter', 'assigned', 113.20512, 23.10734, '2026-01-06T10:15+08:00', NULL, 'A', 'A0', 'A01'),
        ('street', 'litter', 'closed', 113.21512, 23.10234, '2026-01-07T10:15+08:00', NULL, 'B', 'B0', 'B00'),
        ('person', 'elder_help', 'received', 113.20512, 23.10134, '2026-01-08T10:15+08:00', NULL, 'A', 'A0', 'A00'),
        ('home', 'handrail', 'received', 113.20512, 23.10334, '2026-01-08T10:15+08:00', 1, 'A', 'A0', 'A00')
    ) AS listed (label, category, status, lon, lat, at, home, street, community, grid)
    LEFT JOIN LATERAL (SELECT id AS household FROM household WHERE home = 1 LIMIT 1) AS lived ON true"""
HOUSEHOLD = "INSERT INTO household (ref, elders, synthetic, street_code) VALUES ('H-1', 1, true, 'A')"
RUNS = """
    WITH net AS (INSERT INTO walknet (sha256, srid, nodes, edges, metres, stats, synthetic)
                 VALUES ('', 4547, 0, 0, 0, '{}', true) RETURNING id)
    INSERT INTO coverage_run (kinds, parameters, manifest, inputs_sha256, seconds, totals, walknet_id, as_of, synthetic)
    SELECT '{canteen}', parameters::jsonb, '{}', '', '{}', '{}', net.id, '2026-01-01', true
    FROM net, (VALUES (1, '{}'), (2, '{}'), (3, '{"scenario": 1}')) AS listed (n, parameters)
    ORDER BY n RETURNING id"""
FIGURES = """
    INSERT INTO coverage_published (run_id, level, kind, verdict, code, elders, covered, uncovered)
    SELECT run, level, 'circle', 'standard', code, 40 + rank, 20, 20 + rank
    FROM unnest(:runs) WITH ORDINALITY AS runs (run, n),
         LATERAL (SELECT level, code, CAST(n * 5 AS integer) AS rank FROM area) AS areas"""


def settle(session: data.db.Session) -> list[int]:
    """Put it there; the numbers of the runs, the oldest first, with 45, 50 and 55 elders in each area."""
    session.execute(text(ADD_FACILITIES))
    session.execute(text(HOUSEHOLD))
    session.execute(text(ADD_REPORTS), {"secret": SECRET})
    runs = list(session.scalars(text(RUNS)))
    session.execute(text(FIGURES), {"runs": runs})
    return runs
