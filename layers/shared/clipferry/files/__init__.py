"""Files in the bucket: the keys of uploads, and the addresses under which files are read."""
