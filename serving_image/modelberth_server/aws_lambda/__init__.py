"""The server as an AWS Lambda function; imported only where `AWS_LAMBDA_RUNTIME_API` is set."""
