"""Endpoints in AWS and what they are built of; only this package needs `pulumi_aws`."""
