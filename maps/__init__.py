"""show: maps, pages and the words on them. Queries nothing and computes no figure."""
