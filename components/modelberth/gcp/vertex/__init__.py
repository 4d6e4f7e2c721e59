"""Endpoints in Vertex AI, now also called Gemini Enterprise Agent Platform."""
