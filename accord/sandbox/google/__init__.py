"""The sandbox's Google Calendar: a few people's calendars, with Google's own paths, shapes and limits."""
