"""A simple mirror: downloads with requests, uploads with boto3's upload_fileobj. Arguments: SOURCE ENDPOINT KEY."""

import sys

import boto3
import requests
from botocore.config import Config

source, endpoint, key = sys.argv[1:]
client = boto3.client(
    "s3",
    endpoint_url=endpoint,
    config=Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"}),
)
with requests.get(source, stream=True, timeout=60) as response:
    response.raise_for_status()
    client.upload_fileobj(response.raw, "films", key)
