"""The mirror engine: ranges of a source straight into parts of an upload, hashed in order and verified."""
