"""The edge of `/v1`: requests, answers and errors in the shape that OpenAI's SDKs speak."""
