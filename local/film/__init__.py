"""A real MP4 of a few seconds, made of a prompt."""
