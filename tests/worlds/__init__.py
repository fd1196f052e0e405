"""Towns small enough to check by hand, and second methods to check larger ones with."""

from worlds.towns import Town, crossing, grid, island, one_way, shuffled, stairs, street

__all__ = ["Town", "crossing", "grid", "island", "one_way", "shuffled", "stairs", "street"]
