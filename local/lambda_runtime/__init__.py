"""What AWS does around a function: API Gateway, events, queues, schedules, instances."""
