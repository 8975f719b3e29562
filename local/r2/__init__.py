"""A strict fake of Cloudflare R2: it refuses what R2 refuses."""
