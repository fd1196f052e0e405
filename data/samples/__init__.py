"""Towns to try the product on: a little open data, and everything else drawn from a seed."""
