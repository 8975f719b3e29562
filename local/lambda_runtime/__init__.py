"""AWS around a function: API Gateway, events, queues, schedules, instances."""
