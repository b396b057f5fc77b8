"""The peer's side of a running server, with the names and options of `az peering`."""
