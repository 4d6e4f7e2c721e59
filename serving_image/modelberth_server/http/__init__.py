"""HTTP/1.1 to our handlers and back: connections, limits, drain."""
