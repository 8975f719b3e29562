"""AWS: signed calls, credentials, secrets, SnapStart, SQS batches, the custom resource."""
