"""`clipferry doctor`: looks at everything around the functions that is configured by hand, and says what to do."""
