"""What judges graphs of resources in Google Cloud: checkov, and IAM."""
