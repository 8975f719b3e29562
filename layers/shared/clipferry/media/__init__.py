"""Reads MP4 files: the scanner finds length and size of the picture, a sandboxed process makes the thumbnail."""
