"""Made-up persons for a sample: a surname and the word for sample, so that nobody is taken for somebody."""

from __future__ import annotations

import numpy as np
import pandas as pd

SURNAMES = tuple("陈李黄张梁林刘吴罗杨何冯谭郭邓叶潘曾蔡谢")
BASIS = "合成样例"


def build(household_ids: list[int], *, seed: int) -> pd.DataFrame:
    """One person for each household, as `data.identity.add` takes them; the numbers are of no network."""
    rng = np.random.default_rng(seed)
    surnames = rng.choice(SURNAMES, len(household_ids))
    return pd.DataFrame({
        "household_id": household_ids,
        "name": [f"{surname}样本" for surname in surnames],
        "phone": [f"1000000{number % 10_000:04d}" for number in range(len(household_ids))],
        "consent": True,
        "legal_basis": BASIS,
    })  # fmt: skip
