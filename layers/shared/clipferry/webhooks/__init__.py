"""Outbound webhooks: the queue of deliveries, and the signature of Standard Webhooks."""
