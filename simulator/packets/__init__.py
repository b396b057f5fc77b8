"""What crossed the link, packet by packet: one reader that counts while a validation runs, and numbers a file after it.

Nothing here reads with the project's own codecs: a fault in those cannot hide itself. Pure.
"""
