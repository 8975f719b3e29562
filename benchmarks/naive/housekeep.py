"""Expires credits and deletes the files of deleted videos, daily."""

from aws_lambda_powertools.metrics import MetricUnit
from shared import database, logger, metrics, s3, tracer

EXPIRE = """
update public.credit_packages set status = 'EXPIRED', remaining_credits = 0, updated_at = timezone('utc', now())
where status = 'ACTIVE' and expired_at < timezone('utc', now())
"""
DELETED = """
select uuid from public.videos where is_deleted and updated_at < timezone('utc', now()) - interval '7 days' limit 100
"""


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(_event, _context):
    expired = database().execute(EXPIRE).rowcount
    deleted = database().execute(DELETED).fetchall()
    for video in deleted:
        s3.delete_object(Bucket="clipferry", Key=f"videos/{video['uuid']}.mp4")
    metrics.add_metric(name="PackagesExpired", unit=MetricUnit.Count, value=expired)
    logger.info("kept house", expired=expired, deleted=len(deleted))
    return {"expiredPackages": expired, "removedVideos": len(deleted)}
