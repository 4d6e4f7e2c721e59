"""The parts of the fake Vertex AI."""
