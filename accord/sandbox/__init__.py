"""Small honest copies of the outside systems, for the demonstration and the tests; they can misbehave on command."""
