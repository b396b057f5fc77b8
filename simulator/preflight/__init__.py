"""Before any socket: do both sides' configurations fit? One row a session, in Batfish's words."""
