"""The sandbox's booking system: its database, its JSON API, and the page on which people book."""
