"""MRT (RFC 6396, RFC 8050): what the routers' adapters, the tables and `turnup routes` write and read alike. Pure."""
