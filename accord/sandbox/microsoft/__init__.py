"""The sandbox's Microsoft 365: mailboxes with calendars, behind Microsoft Graph and its login."""
