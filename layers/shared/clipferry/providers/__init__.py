"""The companies that generate videos: one adapter each, all behind the protocol in `base`."""
