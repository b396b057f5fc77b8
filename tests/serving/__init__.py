"""The server: who may call it, what it takes, and what /lab/v1 answers."""
