"""What judges graphs of resources in any cloud: checkov, tables of changes, and the life of a stack."""
