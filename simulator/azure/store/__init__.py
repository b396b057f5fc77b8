"""What outlives the process: resources, connections and the append-only event log, in SQLite or PostgreSQL."""
