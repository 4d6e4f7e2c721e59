"""What the stand-ins know of the services: data, each file with its date and source."""
