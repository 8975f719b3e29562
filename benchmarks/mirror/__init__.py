"""`make bench-mirror`: compares the mirror with rclone, s5cmd, aws and boto3."""
