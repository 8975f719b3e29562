"""What is in a file: the MP4 scanner, and the thumbnail, which a sandboxed process makes."""
