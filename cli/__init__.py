"""The operator's command line, `clipferry`. It uses the layer but isn't part of it, and is never deployed."""
