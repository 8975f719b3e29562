"""S3: signed requests to one bucket, multipart uploads, retries."""
