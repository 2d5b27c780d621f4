"""When and where flows run, and the front door: the command `accord`."""
