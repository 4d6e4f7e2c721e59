"""Events in the forms that AWS documents; a keyword replaces a top-level key."""

from typing import Any

BODY = '{"input": [[1, 2]]}'


def http_api(**more: Any) -> dict[str, Any]:
    """An event of an HTTP API, payload format 2.0, as AWS documents it."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/predict",
        "rawQueryString": "a=1&a=2",
        "cookies": ["c=1"],
        "headers": {"Content-Type": "application/json", "x-Api-Key": "k1,k2"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api-id",
            "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "http": {
                "method": "POST",
                "path": "/predict",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "agent",
            },
            "requestId": "id",
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": 1583348638390,
        },
        "body": BODY,
        "isBase64Encoded": False,
        **more,
    }


def rest_api(**more: Any) -> dict[str, Any]:
    """An event of a REST API with proxy integration."""
    return {
        "resource": "/{proxy+}",
        "path": "/predict",
        "httpMethod": "POST",
        "headers": {"Content-Type": "text/plain", "X-Api-Key": "first"},
        "multiValueHeaders": {"Content-Type": ["application/json"], "X-Api-Key": ["first", "last"]},
        "queryStringParameters": {"a": "2", "b": "x y"},
        "multiValueQueryStringParameters": {"a": ["1", "2"], "b": ["x y"]},
        "pathParameters": {"proxy": "predict"},
        "stageVariables": None,
        "requestContext": {
            "resourcePath": "/{proxy+}",
            "httpMethod": "POST",
            "path": "/prod/predict",
            "stage": "prod",
            "identity": {"sourceIp": "192.0.2.2", "userAgent": "agent"},
        },
        "body": BODY,
        "isBase64Encoded": False,
        **more,
    }


def balancer(**more: Any) -> dict[str, Any]:
    """An event of an Application Load Balancer."""
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:…"}},
        "httpMethod": "POST",
        "path": "/predict",
        "queryStringParameters": {"a": "x%20y"},
        "headers": {"content-type": "application/json", "x-forwarded-for": "10.0.0.1, 192.0.2.3"},
        "body": BODY,
        "isBase64Encoded": False,
        **more,
    }


def s3_event(*keys: str) -> dict[str, Any]:
    """An event of S3 about new objects in the bucket `data`."""
    return {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": "data"}, "object": {"key": key, "size": 1}},
            }
            for key in keys
        ]
    }
