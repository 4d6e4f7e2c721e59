"""Ways to AWS within a VPC: interface and gateway endpoints, and who may take them."""
