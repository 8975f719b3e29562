"""The one HTTP server of the local stack, and what it takes and gives."""
