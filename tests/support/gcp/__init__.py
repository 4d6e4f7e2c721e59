"""What judges graphs of resources in Google Cloud: checkov, and IAM."""

import warnings

# The SDK reads a module when it is first asked for something, says then that some names have moved, and
# leaves it half read where a warning is an error, as it is here.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from pulumi_gcp import monitoring, storage

    _READ = (monitoring.AlertPolicy, storage.Bucket)
