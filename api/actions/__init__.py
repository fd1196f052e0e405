"""What may happen: one function each, one transaction each. Nothing here knows of HTTP."""
