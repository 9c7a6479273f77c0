"""The one place where the service meets broker connectors."""
