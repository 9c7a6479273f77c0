"""Reports for a person: results come in, tables go to standard output. Nothing is decided here."""
