"""What judges graphs of AWS resources: AWS's own schemas, checkov, and moto."""

import warnings

from pulumi_aws import lambda_, s3

# The SDK reads these modules when they are first asked for something, says then that some types have moved,
# and leaves them half read where a warning is an error, as it is here.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    _READ = (lambda_.Function, s3.Bucket)
