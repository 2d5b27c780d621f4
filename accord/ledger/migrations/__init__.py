"""Alembic migrations of the ledger; they travel with the package."""
