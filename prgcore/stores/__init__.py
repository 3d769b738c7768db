"""Stores: what is kept of a running pair, and where. A new store is one file here."""
