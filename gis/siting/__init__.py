"""Where to open sites: maximal covering, set covering, p-median and p-center, each with a certificate.

    problem = gis.siting.Problem(reach, weights=elders, existing=open_today, add=3)
    plan = gis.siting.solve(problem, method="mclp")
    plan.opened, plan.covered, plan.bound, plan.gap, plan.proven

Search finds, a Lagrangian bound says how far from the best it can be at most, HiGHS closes the rest where it is small,
and `verify` counts every plan again from the raw table before it is handed out.
"""

from gis.siting.front import front
from gis.siting.plans import solve
from gis.siting.problem import METHODS, Alternative, Effort, Floor, Plan, Problem, Served
from gis.siting.verify import by_area, recount, verify

__all__ = [
    "METHODS",
    "Alternative",
    "Effort",
    "Floor",
    "Plan",
    "Problem",
    "Served",
    "by_area",
    "front",
    "recount",
    "solve",
    "verify",
]
