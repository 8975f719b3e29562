"""The operator's command line. It works on DATABASE_URL, beside the layer and not in it; it is never deployed."""
