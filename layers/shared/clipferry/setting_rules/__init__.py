"""What a setting may hold: rules for values, for types of settings, and for a database's URL."""
