"""A model endpoint in Amazon SageMaker AI: on instances, serverless, or behind a queue."""
