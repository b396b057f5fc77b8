"""What there is to see: sessions, connections, checks and steps as plain data, and the one way to write them."""
