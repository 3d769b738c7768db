"""Running: who keeps a pair alive. It decides from what it knows, writes, then acts."""
