"""Form: what can be said of a machine by reading it. Law: no step is taken, nothing is searched."""
