"""An endpoint in Cloud Run."""
