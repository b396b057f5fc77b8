"""Rehearsals and session policies as tests of pytest: the plugin, and what tests import."""
