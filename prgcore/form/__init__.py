"""Form: facts read from a machine's table. Law: no step is taken, nothing is searched."""
