"""How events get from a tracking call to the destinations."""
