"""know: the rules and the computation. No query, no page, no clock, no setting."""
