"""`clipferry doctor`: checks everything that is configured by hand, and says how to fix what is wrong."""
