"""Strict fakes of the providers: they send what the documentation says and refuse what it forbids."""
