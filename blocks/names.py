"""How blocks are called, which is how connections and targets are called."""

NAME = r"^[a-z0-9-]{1,40}$"
