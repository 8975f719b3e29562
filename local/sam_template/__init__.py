"""template.yaml, read as SAM reads it: functions, routes, environment, queues."""
