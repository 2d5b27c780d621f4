"""The sentences: one flow for each sync workflow."""
