"""What an installed SDK says of a package's types, read without importing it, and inputs held against it."""
