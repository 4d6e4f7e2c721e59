"""A model endpoint as a container function in AWS Lambda."""
