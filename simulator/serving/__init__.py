"""The server: the ARM surface, the lab's own API for whoever plays Microsoft, and the lab itself, in one process."""
