"""Many peers on real sockets against a served lab: what one of them does costs the others, and the pages, little."""
