"""The core of a route server (RFC 7947): routes in by client, what changes for each client out. Pure."""
