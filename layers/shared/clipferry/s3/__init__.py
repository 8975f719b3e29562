"""A bucket, spoken to as S3: signed requests, multipart uploads, retries."""
