"""Adapters: the engine inside other people's libraries. Law: thin; one foreign library each."""
