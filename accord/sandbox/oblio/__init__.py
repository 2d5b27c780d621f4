"""The sandbox's Oblio: invoices, proformas and delivery notes with its own paths, shapes and limits."""
