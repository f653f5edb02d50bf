"""Look at an app as browsers do, and say what keeps its identities from working."""
