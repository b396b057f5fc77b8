"""The server: the ARM surface, the lab's own API to play Microsoft, and the lab itself, in one process."""
