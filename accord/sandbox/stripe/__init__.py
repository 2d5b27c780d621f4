"""The sandbox's Stripe: its v1 API for payments and billing at version 2026-10-28.endive, with state in memory."""
